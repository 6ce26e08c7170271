import Foundation

/// The integer type for values and their sums, exact where sums of Doubles would round.
typealias ExactValue = Int128

/// Values as integers: v = integer · 2^exponent.
///
/// A Double is a 53-bit integer times a power of two, so values with similar exponents share a
/// power, and all their sums are exact. The exponent is chosen so that the sum of all values is
/// just below 2¹⁰⁰. A value so small compared with the sum that it has bits below 2⁰ is rounded to
/// the nearest integer. The error for each item is at most 2⁻¹⁰⁰ of the sum of all values.
struct ExactValues {
  let integers: [ExactValue]
  private let exponent: Int

  init(_ values: [Double]) {
    let sum = values.reduce(0, +)
    let top = sum > 0 ? Int(sum.exponent) + 1 : 0
    exponent = top - 99
    let exponent = exponent
    integers = values.map { Self.integer($0, exponent: exponent) }
  }

  /// The Double nearest to the value of a non-negative integer.
  func value(_ integer: ExactValue) -> Double {
    let bits = 128 - integer.leadingZeroBitCount
    guard bits > 64 else { return scalbn(Double(UInt64(truncatingIfNeeded: integer)), exponent) }
    // The leading 64 bits, with the last bit set if any lower bit is set. This rounds like the
    // whole integer.
    let shift = bits - 64
    let words = integer.words
    let low = UInt64(words[words.startIndex])
    let high = UInt64(words[words.index(after: words.startIndex)])
    let leading = shift == 64 ? high : high << (64 - shift) | low >> shift
    let rest = shift == 64 ? low : low << (64 - shift)
    return scalbn(Double(leading | (rest == 0 ? 0 : 1)), exponent + shift)
  }

  /// A Double that is not below the value of an integer: the smallest such Double, or the next one.
  func bound(_ integer: ExactValue) -> Double {
    let nearest = value(integer)
    return Self.integer(nearest, exponent: exponent) < integer ? nearest.nextUp : nearest
  }

  private static func integer(_ value: Double, exponent: Int) -> ExactValue {
    guard value > 0 else { return 0 }
    let shift = Int(value.exponent) - 52 - exponent
    let mantissa = (value.significandBitPattern | 1 << 52)
    if !value.isNormal { return ExactValue(scalbn(value, -exponent)) }
    switch shift {
    case 0..<64:
      let high = shift == 0 ? 0 : mantissa >> UInt64(64 - shift)
      return ExactValue(_low: mantissa << UInt64(shift), _high: Int64(high))
    case 64...: return ExactValue(_low: 0, _high: Int64(mantissa << UInt64(shift - 64)))
    case -54..<0: return ExactValue((mantissa + (1 << UInt64(-shift - 1))) >> UInt64(-shift))
    default: return 0
    }
  }
}
