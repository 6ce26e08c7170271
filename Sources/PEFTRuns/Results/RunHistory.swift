import PEFTTensor

/// The course of a run, from the tables in its directory.
package struct RunHistory {
  /// The names of the files that it is read from.
  package static let fileNames = ["steps.csv", "metrics.csv", "environment.json"]

  /// The losses by step.
  package let losses: [(step: Int, value: Double)]
  private let metrics: [(step: Int, split: String, name: String, value: Double)]
  /// The command line that started the run; nil if it is not known.
  package let command: String?

  /// Reads `steps.csv`, `metrics.csv` and `environment.json` in `directory`.
  /// Malformed rows are skipped.
  package init(_ directory: String) throws(FileError) {
    losses = try Self.rows(directory + "/steps.csv").compactMap { cells in
      guard cells.count > 1, let step = Int(cells[0]), let loss = Double(cells[1]) else {
        return nil
      }
      return (step, loss)
    }
    metrics = try Self.rows(directory + "/metrics.csv").compactMap { cells in
      guard cells.count == 4, let step = Int(cells[0]), let value = Double(cells[3]) else {
        return nil
      }
      return (step, String(cells[1]), String(cells[2]), value)
    }
    command = try JSONValue(contentsOf: directory + "/environment.json")["command"]?.string
  }

  /// The values of a metric on a split, by step.
  package func values(of name: String, on split: String) -> [(step: Int, value: Double)] {
    metrics.filter { $0.name == name && $0.split == split }.map { ($0.step, $0.value) }
  }

  private static func rows(_ path: String) throws(FileError) -> [[Substring]] {
    String(decoding: try FileContents.read(regularFile: path), as: UTF8.self)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
  }
}
