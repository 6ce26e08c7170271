/// Writes rows of tables, which `DataReader` reads back.
public enum DelimitedLine {
  /// Cells as a line of CSV by RFC 4180, without its end. A cell with a comma, a quotation mark or
  /// a line end is quoted, and so is a row of one empty cell, which would be an empty line.
  public static func csv(_ cells: [String]) -> String {
    guard cells != [""] else { return "\"\"" }
    return cells.map { cell in
      let needsQuotes = cell.utf8.contains { byte in
        [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r")]
          .contains(byte)
      }
      guard needsQuotes else { return cell }
      // A combining character after a quotation mark must not hide it.
      var quoted = String.UnicodeScalarView("\"".unicodeScalars)
      for scalar in cell.unicodeScalars {
        quoted.append(scalar)
        if scalar == "\"" { quoted.append(scalar) }
      }
      return String(quoted) + "\""
    }.joined(separator: ",")
  }

  /// Cells as a line of TSV, without its end. There is no quoting, so tabs and line ends in a cell
  /// become spaces.
  public static func tsv(_ cells: [String]) -> String {
    cells.map { cell in
      String(
        cell.unicodeScalars.map { ["\t", "\n", "\r"].contains($0) ? " " : Character($0) })
    }.joined(separator: "\t")
  }
}
