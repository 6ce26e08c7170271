import PEFTTensor

/// The rotary positions of all layers. The table grows with the longest text so far, because a
/// table of all positions would be large in models with a long context.
final class RotaryPositions {
  private let frequencies: [Float]
  private let limit: Int
  private var table: RotaryTable

  init(_ configuration: LlamaConfiguration) {
    let plain = RotaryTable.inverseFrequencies(
      theta: configuration.theta, headWidth: configuration.headWidth)
    frequencies = configuration.scaling.map { plain.map($0.scaled) } ?? plain
    limit = configuration.positionCount
    table = RotaryTable(inverseFrequencies: frequencies, positionCount: 0)
  }

  /// x [T, n·D] with the heads of each row rotated to the row's position.
  func turned(_ x: Variable, to positions: [Int32], on tape: Tape) -> Variable {
    let count = Int(positions.max() ?? 0) + 1
    if count > table.positionCount {
      table = RotaryTable(
        inverseFrequencies: frequencies,
        positionCount: max(count, min(limit, 2 * table.positionCount)))
    }
    return tape.rotary(x, table, positions: positions)
  }
}
