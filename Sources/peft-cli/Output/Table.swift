/// Rows of cells as aligned text: the first column to the left, the others to the right.
struct Table {
  private var rows: [[String]]

  init(header: [String]) { rows = [header] }

  mutating func add(_ row: [String]) { rows.append(row) }

  /// The lines, the header first.
  var lines: [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }
  }
}

extension BinaryInteger {
  /// The digits in groups of three.
  var grouped: String {
    var digits = String(description.reversed())
    var parts: [Substring] = []
    while !digits.isEmpty {
      parts.append(digits.prefix(3))
      digits = String(digits.dropFirst(3))
    }
    return String(parts.joined(separator: ",").reversed())
  }
}
