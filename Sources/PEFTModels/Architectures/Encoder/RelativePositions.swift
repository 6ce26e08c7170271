/// The groups into which MPNet divides the distances between tokens, as T5 does for attention in
/// both directions (Raffel et al. 2020).
///
/// Eight groups in each direction have one distance each: 0 to 7. The others are as wide as the
/// distances are large: group 8 + k begins at 8 · 2^(k/2), and the last one at 91.
enum RelativePositions {
  /// The number of groups in both directions, the only one that transformers computes with.
  static let bucketCount = 32

  /// The group of the distance from a token to another, whose position minus the token's is
  /// `distance`.
  static func bucket(_ distance: Int) -> Int {
    let (direction, size) = (distance > 0 ? bucketCount / 2 : 0, abs(distance))
    guard size >= 8 else { return direction + size }
    // k = ⌊2 log₂(size / 8)⌋ = ⌊log₂(size² / 64)⌋.
    let doublings = Int.bitWidth - 1 - (size * size / 64).leadingZeroBitCount
    return direction + min(8 + doublings, bucketCount / 2 - 1)
  }
}
