import PEFTRuntime
import Testing

@Suite("Numbers in state files")
struct CheckedNumbersTests {
  private func numbers(_ text: String) throws -> CheckedNumbers {
    CheckedNumbers(
      try JSONValue(parsing: text.utf8), path: "state.json", place: "cost", remedy: "begin again")
  }

  @Test("numbers survive a round trip")
  func reads() throws {
    let numbers = try numbers(
      "{\"n\":1125899906842624,\"s\":1e12,\"x\":-2.5,\"zero\":0,\"nothing\":null}")
    #expect(try numbers.count("n") == 1 << 50)
    #expect(try numbers.seconds("s") == 1e12)
    #expect(try numbers.number("x") == -2.5)
    #expect(try numbers.seconds("zero") == 0)
    #expect(try numbers.countIfPresent("absent") == nil)
    #expect(try numbers.countIfPresent("nothing") == nil)
    #expect(try numbers.numberIfPresent("nothing") == nil)
    #expect(try numbers.countIfPresent("zero") == 0)
  }

  @Test(
    "an invalid count is refused by name, with the file",
    arguments: [
      "1125899906842625", "-1", "9223372036854775807", "9223372036854775808", "1e300", "1.0",
      "\"1\"", "true", "[1]", "null",
    ])
  func counts(_ value: String) throws {
    let numbers = try numbers("{\"n\":\(value)}")
    let error = #expect(throws: FileError.self) { try numbers.count("n") }
    #expect(error?.kind == .malformed && error?.path == "state.json" && error?.place == "cost.n")
    guard value != "null" else { return }
    #expect(throws: FileError.self) { try numbers.countIfPresent("n") }
  }

  @Test(
    "an invalid time is refused",
    arguments: ["1.0000001e12", "1e300", "-1e-9", "9223372036854775807", "\"1\"", "null"])
  func times(_ value: String) throws {
    let numbers = try numbers("{\"s\":\(value)}")
    #expect(throws: FileError.self) { try numbers.seconds("s") }
    #expect(throws: FileError.self) { try numbers.seconds("absent") }
  }

  @Test(
    "cells of a table are parsed as numbers", arguments: ["inf", "nan", "-1", "", "x", "1e13"])
  func cells(_ text: String) throws {
    let numbers = CheckedNumbers(
      cells: ["a": text, "b": "1e-05", "c": "7"], path: "steps.csv", place: "line 2", remedy: "")
    #expect(try numbers.seconds("b") == 1e-05)
    #expect(try numbers.count("c") == 7)
    #expect(throws: FileError.self) { try numbers.seconds("a") }
    #expect(throws: FileError.self) { try numbers.count("a") }
  }

  @Test("a Double beyond all integers becomes the nearest one")
  func saturating() {
    #expect(Int(saturating: 1e300) == .max && Int(saturating: -1e300) == .min)
    #expect(Int(saturating: .infinity) == .max && Int(saturating: .nan) == 0)
    #expect(Int(saturating: 2.9) == 2 && Int(saturating: -2.9) == -2)
    #expect(Int(saturating: 0x1p63) == .max && Int(saturating: -0x1p63) == .min)
  }
}
