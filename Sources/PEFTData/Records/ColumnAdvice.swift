import PEFTTensor

/// The columns of a table that look like its texts and its label, for the remedy of an error.
///
/// Nothing is read by such a guess: it is only said to the user, who knows.
struct ColumnAdvice: Hashable {
  /// The positions of the columns that look like texts, from 0.
  let texts: [Int]
  /// The position of the column that looks like a label.
  let label: Int
  /// Whether the first row looks like a header.
  let hasHeader: Bool

  /// The number of rows that are examined.
  private static let rowLimit = 1000
  /// The number of rows from which a repetition of labels says something.
  private static let leastRows = 6

  /// Examines the first rows of `source`, read from its beginning; nil if no columns stand out.
  ///
  /// A label has no empty cells, few words, and at most half as many values as there are rows; of
  /// several such columns, the one with the fewest values is taken. A text differs in most rows and
  /// has at least two words on average.
  init?(_ source: some DelimitedRecords) {
    var records = source
    guard let first = try? records.next()?.cells else { return nil }
    var columns = first.map { _ in Column() }
    var count = 0
    while count < Self.rowLimit, let cells = try? records.next()?.cells,
      cells.count == columns.count
    {
      for (index, cell) in cells.enumerated() { columns[index].add(cell) }
      count += 1
    }
    guard count >= Self.leastRows else { return nil }
    let labels = columns.indices.filter { columns[$0].isLabel(among: count) }
    guard
      let label = labels.min(by: {
        (columns[$0].values.count, $0) < (columns[$1].values.count, $1)
      })
    else { return nil }
    let texts = columns.indices.filter { $0 != label && columns[$0].isText(among: count) }
    guard !texts.isEmpty else { return nil }
    self.texts = texts
    self.label = label
    hasHeader = first.allSatisfy(HeaderGuess.isName) && columns[label].values[first[label]] == nil
  }

  /// The value of `columns` that selects them: `text=2+3,label=1`.
  var selection: String { "text=\(numbers),label=\(label + 1)\(header)" }

  /// What to say instead of `selection` if two texts are a pair; empty for other numbers of texts.
  var pairs: String {
    guard texts.count == 2 else { return "" }
    return ", or text_a=\(texts[0] + 1),text_b=\(texts[1] + 1),label=\(label + 1)\(header) if the "
      + "two texts are a pair"
  }

  private var numbers: String { texts.map { String($0 + 1) }.joined(separator: "+") }
  private var header: String { hasHeader ? ",header=yes" : "" }

  /// What is known of a column's cells.
  private struct Column {
    /// The number of cells with each value.
    var values: [String: Int] = [:]
    private var wordCount = 0
    private var hasEmpty = false

    mutating func add(_ cell: String) {
      values[cell, default: 0] += 1
      wordCount += HeaderGuess.wordCount(cell)
      if cell.isEmpty { hasEmpty = true }
    }

    func isLabel(among count: Int) -> Bool {
      !hasEmpty && values.count > 1 && 2 * values.count <= count && wordCount <= 3 * count
    }

    func isText(among count: Int) -> Bool { 2 * values.count > count && wordCount >= 2 * count }
  }
}
