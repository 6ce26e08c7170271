/// The element type of a tensor in a safetensors file. The raw value is its name in the file.
public enum SafetensorsElementType: String, CaseIterable, Hashable, Sendable {
  /// A Boolean in one byte.
  case bool = "BOOL"
  /// 8-bit floating point, 4 exponent bits.
  case float8E4M3 = "F8_E4M3"
  /// 8-bit floating point, 5 exponent bits.
  case float8E5M2 = "F8_E5M2"
  /// IEEE 754 half precision.
  case float16 = "F16"
  /// The upper half of a single-precision number.
  case bfloat16 = "BF16"
  /// IEEE 754 single precision.
  case float32 = "F32"
  /// IEEE 754 double precision.
  case float64 = "F64"
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

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .bool, .float8E4M3, .float8E5M2, .int8, .uint8: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  /// The size in bytes of a tensor of `shape`; nil if the product overflows.
  func byteCount(shape: [Int]) -> Int? {
    var product = byteCount
    for extent in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      product = next
    }
    return product
  }
}
