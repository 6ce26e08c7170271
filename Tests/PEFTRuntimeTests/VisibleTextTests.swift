import PEFTRuntime
import Testing

@Suite("Text from outside")
struct VisibleTextTests {
  /// Scalars that command a terminal, change the direction of text or end a line.
  private static let unsafe: [Unicode.Scalar] = [
    "\u{0}", "\u{7}", "\u{8}", "\r", "\u{1B}", "\u{7F}", "\u{85}", "\u{9B}", "\u{9D}", "\u{61C}",
    "\u{200E}", "\u{200F}", "\u{2028}", "\u{2029}", "\u{202A}", "\u{202B}", "\u{202C}", "\u{202D}",
    "\u{202E}", "\u{2066}", "\u{2067}", "\u{2068}", "\u{2069}",
  ]

  @Test("unsafe scalars become the replacement character, or a JSON escape", arguments: unsafe)
  func replaced(scalar: Unicode.Scalar) throws {
    let text = "a\(scalar)b"
    #expect(VisibleText.line(text).unicodeScalars.elementsEqual("a\u{FFFD}b".unicodeScalars))
    #expect(VisibleText.lines(text).unicodeScalars.elementsEqual("a\u{FFFD}b".unicodeScalars))
    let document = JSONValue.object(["\(scalar)": .string(text)])
    let shown = VisibleText.json(document.text())
    #expect(!shown.unicodeScalars.contains(scalar))
    #expect(try JSONValue(parsing: shown.utf8) == document)
  }

  @Test("other scalars are unchanged, and so are line ends in several lines")
  func kept() {
    let text = "é 中 עברית \u{200D} 🏳️‍🌈 \u{FFFD} ~"
    #expect(VisibleText.line(text).utf8.elementsEqual(text.utf8))
    #expect(VisibleText.json("[\n\t\"\(text)\"]").utf8.elementsEqual("[\n\t\"\(text)\"]".utf8))
    #expect(VisibleText.lines("a\n\tb") == "a\n\tb")
    #expect(VisibleText.line("a\n\tb") == "a\u{FFFD}\u{FFFD}b")
  }

  @Test(
    "an error is one line of safe text, whatever its file is called", arguments: unsafe + ["\n"])
  func errors(scalar: Unicode.Scalar) {
    let name = "x\(scalar)y"
    let error = FileError(.malformed, path: name, place: name, reason: name, remedy: name)
    #expect(!"\(error)".unicodeScalars.contains(scalar))
    #expect("\(error)" == "x\u{FFFD}y: x\u{FFFD}y: x\u{FFFD}y; x\u{FFFD}y")
    #expect(error.path == name)
  }
}
