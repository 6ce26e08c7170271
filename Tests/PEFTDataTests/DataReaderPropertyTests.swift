import PEFTData
import PEFTTensor
import TestSupport
import Testing

@Suite("Tables written and read back")
struct DataReaderPropertyTests {
  /// Random cells without the `forbidden` scalars.
  static func cell(_ random: inout SeededRandom, without forbidden: String) -> String {
    let alphabet = Array("ab 1,\"\n\r\té😀\u{301}\\{}'".unicodeScalars).filter {
      !forbidden.unicodeScalars.contains($0)
    }
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      text.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
    }
    return String(text)
  }

  /// The text of `rows` in `format`, with random choices wherever the format allows several forms.
  static func write(_ rows: [[String]], _ format: DataFormat, _ random: inout SeededRandom)
    -> String
  {
    let separator = format == .csv ? "," : "\t"
    let lines = rows.map { row -> String in
      switch format {
      case .jsonl:
        let object: JSONObject = [
          "text_a": .string(row[0]), "text_b": .string(row[1]), "label": .string(row[2]),
        ]
        return JSONValue.object(object).text()
      case .tsv, .pairs, .conll, .text, .lines: return row.joined(separator: separator)
      case .csv:
        return row.map { cell in
          let mustQuote = cell.unicodeScalars.contains { ",\"\r\n".unicodeScalars.contains($0) }
          guard mustQuote || Bool.random(using: &random) else { return cell }
          var quoted = String.UnicodeScalarView("\"".unicodeScalars)
          for scalar in cell.unicodeScalars {
            quoted.append(scalar)
            if scalar == "\"" { quoted.append(scalar) }
          }
          return String(quoted) + "\""
        }.joined(separator: separator)
      }
    }
    let end = Bool.random(using: &random) ? "\r\n" : "\n"
    return lines.joined(separator: end) + (Bool.random(using: &random) ? end : "")
  }

  @Test("every cell survives a round trip", arguments: [DataFormat.jsonl, .csv, .tsv])
  func roundTrip(format: DataFormat) throws {
    var random = SeededRandom(5)
    let forbidden = format == .tsv ? "\t\n\r" : ""
    for trial in 0..<300 {
      var rows: [[String]] = []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let label = "l" + Self.cell(&random, without: forbidden)
        rows.append(
          [
            Self.cell(&random, without: forbidden), Self.cell(&random, without: forbidden), label,
          ])
      }
      if format != .jsonl { rows.insert(["text_a", "text_b", "label"], at: 0) }
      let text = Self.write(rows, format, &random)
      let read = try DataReader.parse(Array(text.utf8), path: "t", format: format)
      let expected = format == .jsonl ? rows : Array(rows.dropFirst())
      // Compare bytes, because canonically equivalent strings compare equal.
      let readBytes = read.map { [$0.text, $0.pair ?? "", $0.label ?? ""].map { Array($0.utf8) } }
      #expect(readBytes == expected.map { $0.map { Array($0.utf8) } }, "trial \(trial): \(text)")
    }
  }
}
