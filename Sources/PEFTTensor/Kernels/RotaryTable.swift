import Foundation

/// The cosines and sines of rotary positions (Su et al. 2021). At position p, pair i of a head, its
/// elements i and D/2 + i, is rotated by the angle p f_i.
///
/// Notation: D columns of a head, P positions, f the D/2 inverse frequencies. As in Llama, a pair
/// consists of an element of a head's first half and one of its second half, not of two adjacent
/// elements.
public struct RotaryTable: Sendable {
  /// D.
  public let headWidth: Int
  /// P: the table covers positions 0 ..< P.
  public let positionCount: Int
  /// cos p f_i [P, D/2].
  let cosines: Tensor
  /// sin p f_i [P, D/2].
  let sines: Tensor

  /// A table of P positions with the given inverse frequencies, plain or scaled.
  ///
  /// - Accuracy: an angle is a product in Float32, as in other implementations of models that were
  ///   trained with it. Its cosine and sine are computed in Double and rounded once.
  public init(inverseFrequencies: [Float], positionCount: Int) {
    let half = inverseFrequencies.count
    precondition(
      half > 0 && positionCount >= 0,
      "RotaryTable: \(half) inverse frequencies, \(positionCount) positions")
    headWidth = 2 * half
    self.positionCount = positionCount
    (cosines, sines) = newTensors([positionCount, half], [positionCount, half]) { cosines, sines in
      WorkerPool.shared.runRanges(positionCount, grain: max(1, 1 << 10 / half)) { positions in
        for position in positions {
          for (index, frequency) in inverseFrequencies.enumerated() {
            let angle = Double(Float(position) * frequency)
            cosines[position * half + index] = Float(cos(angle))
            sines[position * half + index] = Float(sin(angle))
          }
        }
      }
    }
  }

  /// A table of P positions for heads of D columns, f_i = θ^(−2i/D).
  public init(theta: Double, headWidth: Int, positionCount: Int) {
    self.init(
      inverseFrequencies: Self.inverseFrequencies(theta: theta, headWidth: headWidth),
      positionCount: positionCount)
  }

  /// f_i = θ^(−2i/D) for i below D/2, each rounded once. D must be even.
  public static func inverseFrequencies(theta: Double, headWidth: Int) -> [Float] {
    precondition(
      theta > 0 && headWidth > 0 && headWidth % 2 == 0,
      "RotaryTable: theta \(theta), a head of \(headWidth) columns")
    return (0..<headWidth / 2).map { Float(pow(theta, -2 * Double($0) / Double(headWidth))) }
  }
}

extension RowKernels {
  /// x with its heads rotated, in place if x is uniquely referenced; see `Tape.rotary`.
  static func rotated(
    _ x: consuming Tensor, _ table: RotaryTable, positions: [Int32], backwards: Bool
  ) -> Tensor {
    let (shape, columns, half) = (x.shape, x.shape.columns, table.headWidth / 2)
    return elementwise(x) { x, y in
      withElements(of: table.cosines, table.sines) { cosines, sines in
        positions.withUnsafeBufferPointer { positions in
          guard let positions = positions.baseAddress else { return }
          forRows(of: shape) { rows in
            let start = rows.lowerBound * columns
            VectorKernels.active.rotate(
              rows: rows.count, heads: columns / (2 * half), half: half,
              positions: positions + rows.lowerBound, cosines: cosines, sines: sines,
              backwards: backwards, x + start, into: y + start)
          }
        }
      }
    }
  }
}
