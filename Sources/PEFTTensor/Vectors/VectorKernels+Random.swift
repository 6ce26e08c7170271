import CPEFTKernels

/// Every instruction set gives the same bits, from any offset.
extension VectorKernels {
  /// Elements offset ..< offset + count of the stream of random words `site` under `key`; see
  /// `Philox.word`.
  package func randomWords(
    count: Int, key: UInt64, site: UInt64, offset: UInt64, into words: UnsafeMutablePointer<UInt32>
  ) {
    functions.random_words(count, key, site, offset, words)
  }

  /// y = scale · x if the element's random word is at least `threshold`, otherwise 0, even if x is
  /// infinite or NaN.
  package func dropout(
    count: Int, key: UInt64, site: UInt64, offset: UInt64, threshold: UInt32, scale: Float,
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.dropout(count, key, site, offset, threshold, scale, x, y)
  }
}
