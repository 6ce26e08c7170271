import PEFTTensor

/// The rotary positions of layers that rotate by the same frequencies. The table grows with the
/// longest text so far, because a table of all positions would be large in models with a long
/// context.
final class RotaryPositions {
  private let frequencies: [Float]
  private let limit: Int
  private var table: RotaryTable

  /// Creates positions below `limit` with the inverse frequencies of a head [D/2].
  init(inverseFrequencies: [Float], limit: Int) {
    frequencies = inverseFrequencies
    self.limit = limit
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
