import Foundation
import PEFTReport
import PEFTStudy

/// Results as lines of a table, as many columns as the terminal has room for.
struct ListingTable {
  private let results: [ListedResult]
  private let width: Int

  init(_ results: [ListedResult], width: Int) {
    self.results = results
    self.width = width
  }

  private typealias Column = (name: String, cell: (ListedResult) -> String)

  /// The columns, the most important first.
  private var columns: [Column] {
    [
      ("state", { $0.state.rawValue }),
      ("method", { $0.method ?? $0.kind.rawValue }),
      ("test", { Self.score($0.test) }), ("dev", { Self.score($0.dev) }),
      ("trained", { $0.trainable.map(\.grouped) ?? "" }),
      ("stored", { $0.storedBytes.map { ReportText.bytes($0) } ?? "" }),
      ("date", { Self.date($0.date) }), ("metric", { $0.metric ?? "" }),
      (
        "share",
        { result in
          guard let trained = result.trainable, let all = result.parameters else { return "" }
          return ReportText.percent(Double(trained), of: Double(all))
        }
      ), ("command", { $0.kind.rawValue }),
    ]
  }

  var lines: [String] {
    var columns = columns
    var table = table(columns)
    while table.width > width, columns.count > 3 {
      columns.removeLast()
      table = self.table(columns)
    }
    return table.lines(width: width)
  }

  private func table(_ columns: [Column]) -> TextTable {
    var table = TextTable(header: ["path"] + columns.map(\.name))
    for result in results { table.add([result.name] + columns.map { $0.cell(result) }) }
    return table
  }

  private static func score(_ value: Double?) -> String {
    value.map { ReportText.metric($0) } ?? ""
  }

  /// The local date and time, as in `2026-03-01 14:05`.
  private static func date(_ date: Date?) -> String {
    guard let date else { return "" }
    var seconds = time_t(date.timeIntervalSince1970)
    var parts = tm()
    guard localtime_r(&seconds, &parts) != nil else { return "" }
    return String(
      format: "%04d-%02d-%02d %02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
      parts.tm_hour, parts.tm_min)
  }
}
