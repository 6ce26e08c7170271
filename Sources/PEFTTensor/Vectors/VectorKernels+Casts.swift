import CPEFTKernels

/// Conversions between float32 and the bits of the 16-bit formats.
///
/// They round to nearest, ties to even, including subnormal numbers. Values that are too large
/// become infinity, and NaN stays NaN. Every instruction set gives the same bits.
extension VectorKernels {
  /// Converts IEEE binary16 to float32, exactly.
  package func floats(
    count: Int, fromFloat16 x: UnsafePointer<UInt16>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.float_from_half(count, x, y)
  }

  /// Converts bfloat16 to float32, exactly.
  package func floats(
    count: Int, fromBFloat16 x: UnsafePointer<UInt16>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.float_from_bfloat(count, x, y)
  }

  /// Converts float32 to IEEE binary16.
  package func float16s(
    count: Int, from x: UnsafePointer<Float>, into y: UnsafeMutablePointer<UInt16>
  ) {
    functions.half_from_float(count, x, y)
  }

  /// Converts float32 to bfloat16.
  package func bfloat16s(
    count: Int, from x: UnsafePointer<Float>, into y: UnsafeMutablePointer<UInt16>
  ) {
    functions.bfloat_from_float(count, x, y)
  }
}
