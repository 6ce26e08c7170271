import PEFTData
import TestSupport
import Testing

@Suite("Rows of tables that are written")
struct DelimitedLineTests {
  @Test("CSV is read back as it was; TSV with spaces for its separators")
  func roundTrip() throws {
    var random = SeededRandom(9)
    for trial in 0..<200 {
      let cells = (0..<300).map { _ in
        DataReaderPropertyTests.cell(&random, without: "")
      }
      let rows = stride(from: 0, to: cells.count, by: 3).map { Array(cells[$0..<$0 + 3]) }
        .filter { !$0[2].isEmpty }
      func read(_ format: DataFormat, _ line: ([String]) -> String) throws -> [[String]] {
        let text = rows.map { line($0) + "\n" }.joined()
        return try DataReader.parse(
          Array(text.utf8), path: "t", format: format,
          columns: ColumnSelection.parse("text=1,pair=2,label=3,header=no")
        ).map { [$0.text, $0.pair ?? "-", $0.label ?? "-"] }
      }
      // A lone carriage return before a line feed belongs to the cell.
      #expect(try read(.csv, DelimitedLine.csv) == rows, "trial \(trial)")
      let plain = rows.map {
        $0.map {
          $0.unicodeScalars.map { "\t\n\r".unicodeScalars.contains($0) ? " " : String($0) }.joined()
        }
      }
      #expect(try read(.tsv, DelimitedLine.tsv) == plain, "trial \(trial)")
    }
    #expect(DelimitedLine.csv([""]) == "\"\"")
  }
}
