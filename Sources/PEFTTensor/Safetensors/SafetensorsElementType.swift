/// The element type of a tensor in a safetensors file. The raw value is its name in the file.
///
/// These are the types of safetensors 0.8. `SafetensorsReader` says which of them it can read.
public enum SafetensorsElementType: String, CaseIterable, Hashable, Sendable {
  /// A Boolean in one byte.
  case bool = "BOOL"
  /// 4-bit floating point, two elements in a byte.
  case float4 = "F4"
  /// 6-bit floating point, 2 exponent bits.
  case float6E2M3 = "F6_E2M3"
  /// 6-bit floating point, 3 exponent bits.
  case float6E3M2 = "F6_E3M2"
  /// 8-bit floating point, 4 exponent bits.
  case float8E4M3 = "F8_E4M3"
  /// 8-bit floating point, 5 exponent bits.
  case float8E5M2 = "F8_E5M2"
  /// A power of two in 8 bits.
  case float8E8M0 = "F8_E8M0"
  /// 8-bit floating point, 4 exponent bits, without infinities and negative zero.
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  /// 8-bit floating point, 5 exponent bits, without infinities and negative zero.
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  /// IEEE 754 half precision.
  case float16 = "F16"
  /// The upper half of a single-precision number.
  case bfloat16 = "BF16"
  /// IEEE 754 single precision.
  case float32 = "F32"
  /// IEEE 754 double precision.
  case float64 = "F64"
  /// A complex number of two single-precision numbers.
  case complex64 = "C64"
  /// Signed 8-bit integer.
  case int8 = "I8"
  /// Signed 16-bit integer.
  case int16 = "I16"
  /// Signed 32-bit integer.
  case int32 = "I32"
  /// Signed 64-bit integer.
  case int64 = "I64"
  /// Unsigned 8-bit integer.
  case uint8 = "U8"
  /// Unsigned 16-bit integer.
  case uint16 = "U16"
  /// Unsigned 32-bit integer.
  case uint32 = "U32"
  /// Unsigned 64-bit integer.
  case uint64 = "U64"

  /// The size of one element in bits. Elements of 4 and 6 bits follow each other without gaps.
  public var bitCount: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .float8E4M3, .float8E5M2, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ, .int8,
      .uint8:
      8
    case .float16, .bfloat16, .int16, .uint16: 16
    case .float32, .int32, .uint32: 32
    case .float64, .complex64, .int64, .uint64: 64
    }
  }

  /// The size in bits of a tensor of `shape`; nil if the product overflows.
  func bitCount(shape: [Int]) -> Int? {
    var product = 1
    for extent in shape + [bitCount] {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      product = next
    }
    return product
  }
}
