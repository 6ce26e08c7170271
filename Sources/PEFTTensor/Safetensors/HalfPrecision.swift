/// Conversions between single precision and the two 16-bit floating-point formats, on bit patterns.
///
/// Widening is exact. Narrowing rounds to nearest, ties to even. Values that are too large become
/// infinity, and NaN stays NaN (quiet, with sign and upper payload kept). Only the exact scaling of
/// half-precision subnormals by powers of two depends on the processor's mode for subnormal
/// numbers.
public enum HalfPrecision {
  /// The value of the half-precision number with the bits `half`.
  @inlinable
  public static func float(half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10) & 0x1F
    let fraction = UInt32(half) & 0x3FF
    switch exponent {
    case 0: return Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
    case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }

  /// The bits of the half-precision number nearest to `value`.
  @inlinable
  public static func half(_ value: Float) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
    let magnitude = value.bitPattern & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 {
      return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x1FF
    }
    // 65520 is halfway between the largest finite number and the one that would follow it.
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    // Below 2⁻¹⁴ the result is subnormal: a multiple of 2⁻²⁴.
    if magnitude < 0x3880_0000 {
      let units = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
      return sign | UInt16(units)
    }
    let rebased = magnitude - (112 << 23)
    return sign | UInt16(truncatingIfNeeded: (rebased + 0xFFF + (rebased >> 13 & 1)) >> 13)
  }

  /// The value of the bfloat16 number with the bits `bfloat`.
  @inlinable
  public static func float(bfloat: UInt16) -> Float { Float(bitPattern: UInt32(bfloat) << 16) }

  /// The bits of the bfloat16 number nearest to `value`.
  @inlinable
  public static func bfloat(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(bits >> 16) | 0x40 }
    return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }
}
