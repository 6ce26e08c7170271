import PEFTTensor
import Testing

private typealias Files = SafetensorsTestFiles

@Suite("Safetensors headers")
struct SafetensorsHeaderTests {
  @Test(
    "refuses every fault of a header and names it",
    arguments: [
      ("[1]", "does not begin with an opening brace"),
      (" {}", "does not begin with an opening brace"),
      ("{", "header, line 1, column 2"),
      (
        #"{"a":\#(tensor("F32", "[1]", "[0,4]")),"a":\#(tensor("F32", "[1]", "[4,8]"))}"#,
        "occurs twice"
      ),
      (#"{"__metadata__":1}"#, "not a JSON object"),
      (#"{"__metadata__":{"a":1}}"#, #"the value of "a" is not a string"#),
      (#"{"a":1}"#, "its description is not a JSON object"),
      (#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, "its dtype is not a string"),
      (#"{"a":\#(tensor("F33", "[2]", "[0,8]"))}"#, #"its dtype "F33" is not known"#),
      (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, "its shape is not"),
      (#"{"a":\#(tensor("F4", "[15]", "[0,8]"))}"#, "shape [15] of F4 does not end at a byte"),
      (#"{"a":\#(tensor("F6_E2M3", "[4]", "[0,8]"))}"#, "needs 3 bytes and it has 8"),
      (#"{"a":\#(tensor("C64", "[2]", "[0,8]"))}"#, "needs 16 bytes and it has 8"),
      (#"{"__metadata__":nul}"#, "expected null"),
      (#"{"__metadata__":{"a":null}}"#, #"the value of "a" is not a string"#),
      (#"{"a":\#(tensor("F32", "[2.0]", "[0,8]"))}"#, "its shape is not"),
      (#"{"a":\#(tensor("F32", "[-2]", "[0,8]"))}"#, "its shape is not"),
      (#"{"a":\#(tensor("F32", "[2]", "[0,8,9]"))}"#, "its data_offsets are not"),
      (#"{"a":\#(tensor("F32", "[2]", "[-8,0]"))}"#, "its data_offsets are not"),
      (#"{"a":\#(tensor("F32", "[2]", "[8,0]"))}"#, "its bytes end before they begin"),
      (#"{"a":\#(tensor("F32", "[3]", "[0,12]"))}"#, "it ends at byte 12 of the tensors"),
      (#"{"a":\#(tensor("F32", "[2]", "[0,9223372036854775807]"))}"#, "it ends at byte"),
      (#"{"a":\#(tensor("F32", "[2]", "[0,99999999999999999999]"))}"#, "its data_offsets are not"),
      (#"{"a":\#(tensor("F32", "[4294967296,4294967296]", "[0,8]"))}"#, "overflows"),
      (#"{"a":\#(tensor("F64", "[2]", "[0,8]"))}"#, "shape [2] of F64 needs 16 bytes and it has 8"),
      (#"{"a":\#(tensor("F32", "[1]", "[0,4]"))}"#, "4 bytes after the last tensor belong to none"),
      (#"{"a":\#(tensor("F32", "[1]", "[4,8]"))}"#, "4 bytes before it belong to no tensor"),
      (
        #"{"a":\#(tensor("F32", "[2]", "[0,8]")),"b":\#(tensor("F32", "[1]", "[4,8]"))}"#, "overlap"
      ),
      (
        #"{"a":\#(tensor("F32", "[2]", "[0,8]")),"b":\#(tensor("F32", "[2]", "[0,8]"))}"#, "overlap"
      ),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, "unknown field \"x\""),
      ("{\"\u{0}\":1}", "a control character"),
      ("{} x", "unexpected text after the document"),
    ])
  func refuses(header: String, reason: String) {
    #expect {
      try Files.header(Files.file(header: header, data: [UInt8](repeating: 0, count: 8)))
    } throws: { error in
      "\(error)".contains(reason) && "\(error)".hasPrefix("test.safetensors: ")
        && (!header.contains("dtype") || "\(error)".contains("\"a\"")
          || "\(error)".contains("\"b\"")
          || reason.contains("after the last"))
    }
  }

  @Test(
    "an invalid part of a header ends parsing at once, whatever follows",
    arguments: [
      (#"{"a":[{"":0},"#, "its description is not a JSON object"),
      (#"{"a":{"dtype":["#, "its dtype is not a string"),
      (#"{"a":{"dtype":"F32","shape":[0,{"#, "its shape is not a list"),
      (
        #"{"a":{"shape":[\#(String(repeating: "1,", count: 100))"#,
        "its shape is not a list of up to 64"
      ),
      (#"{"a":{"data_offsets":[0,1,["#, "its data_offsets are not two natural numbers"),
      (#"{"a":{"x":["#, "unknown field"), (#"{"__metadata__":["#, "not a JSON object"),
      (#"{"__metadata__":{"a":["#, #"the value of "a" is not a string"#),
      (#"{"a":{"dtype":"F32","dtype":["#, "occurs twice"),
    ])
  func early(header: String, reason: String) {
    #expect {
      try Files.header(Files.file(header: header))
    } throws: { "\($0)".contains(reason) }
  }

  private static func tensor(_ type: String, _ shape: String, _ offsets: String) -> String {
    #"{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  @Test("invalid UTF-8 in a name is refused")
  func invalidUTF8() {
    #expect {
      try Files.header([6, 0, 0, 0, 0, 0, 0, 0] + Array("{\"".utf8) + [0xFF] + Array("\":1".utf8))
    } throws: { "\($0)".contains("invalid UTF-8") }
  }

  @Test(
    "names the kind of file found instead, and the remedy",
    arguments: [
      ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
      ("PK\u{3}\u{4}\u{0}\u{0}\u{8}\u{8}\u{0}\u{0}archive", "save_file"),
      ("\n<!DOCTYPE html><html></html>", "a web page"),
      ("{\"error\": \"Repository not found\"}", "JSON text"),
      ("", "0 bytes are too few"), ("{}", "JSON text"), ("1234567", "7 bytes are too few"),
      ("\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}", "a header of 72340172838076673 bytes"),
      ("\u{9}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}{}", "fetch it again"),
    ])
  func lookalikes(text: String, reason: String) {
    #expect {
      try Files.header(Array(text.utf8))
    } throws: { "\($0)".contains(reason) }
  }

  @Test("a pickle is refused with the conversion, but not a header of a pickle's length")
  func pickle() throws {
    let pickle: [UInt8] = [0x80, 2] + Array("}q\u{1}X\u{1}\u{0}\u{0}\u{0}aK\u{1}s.".utf8)
    #expect {
      try Files.header(pickle)
    } throws: {
      ($0 as? FileError)?.kind == .unsupported && "\($0)".contains("torch.load('test.safetensors'")
    }
    let padded = "{}" + String(repeating: " ", count: 0x280 - 2)
    #expect(try Files.header(Files.file(header: padded)).entries.isEmpty)
  }

  @Test("a file truncated at any byte, or with an extra one, is refused")
  func cuts() throws {
    let whole = try FileContents.read(Files.fixture("types.safetensors"))
    #expect(try Files.header(whole).entries.count == 14)
    for count in 0..<whole.count {
      #expect(throws: FileError.self, "cut at byte \(count)") {
        try Files.header(Array(whole[..<count]))
      }
    }
    #expect(throws: FileError.self) { try Files.header(whole + [0]) }
  }

  @Test("random changes of a valid file are refused or give a consistent header")
  func mutations() throws {
    let whole = try FileContents.read(Files.fixture("types.safetensors"))
    var generator = Xorshift(state: 0x5EED)
    var accepted = 0
    for _ in 0..<20_000 {
      var bytes = whole
      for _ in 0...(generator.next() % 3) {
        let place = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 4 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes[place] ^= 1 << UInt8(generator.next() % 8)
        case 2: bytes.remove(at: place)
        default: bytes.insert(UInt8(ascii: "0") + UInt8(generator.next() % 10), at: place)
        }
      }
      guard let header = try? Files.header(bytes) else { continue }
      accepted += 1
      var total = 0
      for entry in header.entries {
        #expect(entry.shape.reduce(entry.type.bitCount, *) == 8 * entry.byteCount)
        total += entry.byteCount
      }
      let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
      #expect(8 + length + total == bytes.count)
    }
    // A change to a name or to a tensor's bytes leaves the file valid.
    #expect(accepted > 100 && accepted < 20_000)
  }
}

/// Marsaglia's 64-bit xorshift, for reproducible changes.
private struct Xorshift {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
