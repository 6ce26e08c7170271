import PEFTRuntime
import Testing

@Suite("JSON documents")
struct JSONValueTests {
  @Test(
    "parses everything that RFC 8259 allows",
    arguments: [
      ("null", JSONValue.null), (" true ", .bool(true)), ("-0", .integer(0)), ("12", .integer(12)),
      ("1.5e3", .number(1500)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
      ("\"a\\u00e9\\ud83d\\ude00\\n\"", .string("aé😀\n")), ("[]", .array([])),
      ("[1,[2]]", .array([.integer(1), .array([.integer(2)])])),
      ("{\"b\":1,\"a\":{}}", .object(["b": .integer(1), "a": .object([:])])),
    ])
  func parses(text: String, expected: JSONValue) throws {
    #expect(try JSONValue(parsing: text.utf8) == expected)
  }

  @Test(
    "refuses invalid documents",
    arguments: [
      "", "nul", "01", "1.", "+1", "1e999", "[1,]", "{\"a\":1,\"a\":2}", "{a:1}", "\"\u{1}\"",
      "\"\\ud800\"", "\"\\x\"", "1 2", "\"open", "{\"a\"", String(repeating: "[", count: 1000),
    ])
  func refuses(text: String) {
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text.utf8) }
  }

  @Test("refuses invalid UTF-8 and names the place")
  func invalidUTF8() {
    #expect {
      try JSONValue(parsing: [0x0A, 0x22, 0xFF, 0x22])
    } throws: { error in
      "\(error)" == "line 2, column 2: invalid UTF-8 inside a string"
    }
  }

  @Test("keys are equal only if their bytes are")
  func keysByBytes() throws {
    let text = "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}"
    var document = try #require(try JSONValue(parsing: text.utf8).object)
    #expect(document.count == 2)
    #expect(document["caf\u{E9}"] == .integer(1))
    #expect(document["cafe\u{301}"] == .integer(2))
    document["caf\u{E9}"] = nil
    #expect(document.keys.map { Array($0.utf8) } == [Array("cafe\u{301}".utf8)])
  }

  @Test("text and parsing are inverse, pretty or not")
  func roundTrip() throws {
    let document: JSONValue = .object([
      "name": .string("a \"quoted\" \\ \u{1}\u{1F600}"),
      "values": .array([.integer(-3), .number(0.1)]),
      "none": .null, "yes": .bool(true), "empty": .object([:]),
    ])
    #expect(try JSONValue(parsing: document.text().utf8) == document)
    #expect(try JSONValue(parsing: document.text(pretty: true).utf8) == document)
  }

  @Test(
    "objects of any size find, replace and remove their members", arguments: [0, 3, 8, 9, 1000])
  func members(count: Int) throws {
    let keys = (0..<count).map { "key \($0 * 7919 % 1009)" }
    var document = JSONObject()
    for (number, key) in keys.enumerated() { document[key] = .integer(number) }
    #expect(document.keys == keys)
    let text = JSONValue.object(document).text()
    #expect(try JSONValue(parsing: text.utf8) == .object(document))
    for key in keys { document[key] = .string(key) }
    #expect(document.members.map(\.key) == keys)
    #expect(keys.allSatisfy { document[$0] == .string($0) } && document["key"] == nil)
    for key in keys.prefix(count / 2) { document[key] = nil }
    #expect(document.keys == Array(keys.dropFirst(count / 2)))
    #expect(keys.prefix(count / 2).allSatisfy { document[$0] == nil })
    guard let last = keys.last else { return }
    let doubled = text.dropLast() + ",\"\(last)\":0}"
    #expect {
      try JSONValue(parsing: doubled.utf8)
    } throws: { "\($0)".contains("occurs twice") }
  }

  @Test(
    "values that need many times the memory of their text are refused, ordinary ones are not",
    arguments: [
      ("{\"\":0},", false), ("[0],", false), ("[[]],", false), ("0,", false),
      ("\"sixteen letters.\",", true), ("-0.00012345678901234567,", true),
      ("{\"name\": \"encoder.layer.0\", \"parameters\": 590592, \"values\": [0.125, 0.25]},", true),
    ])
  func memory(element: String, isAccepted: Bool) {
    let count = 16_000_000 / element.utf8.count
    let text = "[" + String(repeating: element, count: count) + "0]"
    let bytes = Array(text.utf8)
    do throws(FileError) {
      let value = try JSONValue(parsing: bytes, path: "test.json")
      #expect(isAccepted && value.array?.count == count + 1)
    } catch {
      #expect(!isAccepted && error.kind == .unsupported)
      #expect("\(error)".contains("times its size"))
    }
  }
}
