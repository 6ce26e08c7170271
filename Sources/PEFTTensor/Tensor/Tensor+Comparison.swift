extension Tensor {
  /// Whether shapes and bit patterns are equal. Unlike `==`, NaN equals itself and 0 differs from
  /// −0.
  public func isIdentical(to other: Tensor) -> Bool {
    shape == other.shape
      && withUnsafeElements { mine in
        other.withUnsafeElements { theirs in
          zip(mine, theirs).allSatisfy { $0.bitPattern == $1.bitPattern }
        }
      }
  }

  /// ‖self − reference‖ / ‖reference‖ in Double, with Euclidean norms over all elements.
  ///
  /// Infinite if the reference is zero and self is not, or if any element is not finite, so that a
  /// comparison `< tolerance` fails in both cases.
  public func relativeError(to reference: Tensor) -> Double {
    precondition(shape == reference.shape, "relativeError: \(shape) against \(reference.shape)")
    var difference = 0.0
    var norm = 0.0
    withUnsafeElements { mine in
      reference.withUnsafeElements { theirs in
        for (value, expected) in zip(mine, theirs) {
          difference += (Double(value) - Double(expected)) * (Double(value) - Double(expected))
          norm += Double(expected) * Double(expected)
        }
      }
    }
    guard difference.isFinite, norm.isFinite else { return .infinity }
    if difference == 0 { return 0 }
    return norm == 0 ? .infinity : (difference / norm).squareRoot()
  }
}
