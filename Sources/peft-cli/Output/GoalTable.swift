import PEFTReport
import PEFTStudy

/// The sets that were trained for a goal, and which of them is the smallest that reaches it.
struct GoalTable {
  private let record: GoalRecord
  /// The number of columns of the terminal.
  private let width: Int

  init(_ record: GoalRecord, width: Int = Console.width) {
    self.record = record
    self.width = width
  }

  var lines: [String] {
    var table = TextTable(header: record.header)
    record.rows.forEach { table.add($0) }
    return table.lines(width: width)
      + [record.caption, record.answer].flatMap { ReportText.wrapped($0, to: width, indent: 2) }
  }
}
