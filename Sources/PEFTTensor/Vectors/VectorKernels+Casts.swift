import CPEFTKernels

/// Between float32 and the bits of the 16-bit formats: to the nearest, ties to even, with subnormal
/// numbers, too large to infinity, NaN to NaN. The same bits on every instruction set.
extension VectorKernels {
  /// float32 from IEEE binary16, exactly.
  package func floats(
    count: Int, fromFloat16 x: UnsafePointer<UInt16>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.float_from_half(count, x, y)
  }

  /// float32 from bfloat16, exactly.
  package func floats(
    count: Int, fromBFloat16 x: UnsafePointer<UInt16>, into y: UnsafeMutablePointer<Float>
  ) {
    functions.float_from_bfloat(count, x, y)
  }

  /// IEEE binary16 from float32.
  package func float16s(
    count: Int, from x: UnsafePointer<Float>, into y: UnsafeMutablePointer<UInt16>
  ) {
    functions.half_from_float(count, x, y)
  }

  /// bfloat16 from float32.
  package func bfloat16s(
    count: Int, from x: UnsafePointer<Float>, into y: UnsafeMutablePointer<UInt16>
  ) {
    functions.bfloat_from_float(count, x, y)
  }
}
