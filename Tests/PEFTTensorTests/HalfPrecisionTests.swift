import PEFTTensor
import Testing

@Suite("16-bit floating point")
struct HalfPrecisionTests {
  @Test("widening half precision is exact for all 65536 numbers, and narrowing inverts it")
  func everyHalf() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float(half: bits)
      let expected = Float(Float16(bitPattern: bits))
      guard !expected.isNaN else {
        #expect(value.isNaN)
        #expect(Float16(bitPattern: HalfPrecision.half(value)).isNaN)
        continue
      }
      #expect(value.bitPattern == expected.bitPattern)
      #expect(HalfPrecision.half(value) == bits)
    }
  }

  @Test("narrowing rounds to nearest even, at and around every midpoint")
  func rounding() {
    for bits in UInt16(0)..<0x7C00 {
      let low = Float(Float16(bitPattern: bits))
      let high = bits == 0x7BFF ? 65536 : Float(Float16(bitPattern: bits + 1))
      let middle = (low + high) / 2
      for value in [middle.nextDown, middle, middle.nextUp] {
        #expect(HalfPrecision.half(value) == Float16(value).bitPattern)
        #expect(HalfPrecision.half(-value) == Float16(-value).bitPattern)
      }
    }
    #expect(HalfPrecision.half(.greatestFiniteMagnitude) == 0x7C00)
    #expect(HalfPrecision.half(.leastNonzeroMagnitude) == 0)
  }

  @Test("bfloat16 is the upper half, rounded to nearest even")
  func bfloat() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float(bfloat: bits)
      guard !value.isNaN else {
        #expect(HalfPrecision.float(bfloat: HalfPrecision.bfloat(value)).isNaN)
        continue
      }
      #expect(HalfPrecision.bfloat(value) == bits)
      guard value.isFinite else { continue }
      let pattern = value.bitPattern
      #expect(HalfPrecision.bfloat(Float(bitPattern: pattern + 0x7FFF)) == bits)
      #expect(HalfPrecision.bfloat(Float(bitPattern: pattern + 0x8000)) == bits + (bits & 1))
      #expect(HalfPrecision.bfloat(Float(bitPattern: pattern + 0x8001)) == bits + 1)
    }
    #expect(HalfPrecision.float(bfloat: HalfPrecision.bfloat(Float(bitPattern: 0x7F80_0001))).isNaN)
  }
}
