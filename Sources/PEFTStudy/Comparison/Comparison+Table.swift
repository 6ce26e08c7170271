import PEFTTensor

extension Comparison {
  /// The file's name in a run directory.
  public static let tableName = "comparison.csv"

  /// Metrics of generated texts that are shown in addition to the primary metric.
  public static let furtherMetrics = ["bleu", "rougeL", "nist"]

  /// The further metrics that every run has on `split`.
  public var furtherMetrics: [String] {
    Self.furtherMetrics.filter { name in
      entries.allSatisfy { $0.mean(name, on: split) != nil } && !entries.isEmpty
    }
  }

  /// Writes every metric of every run, one per line: method, seed, trainable, learning_rate, split,
  /// metric, value.
  public func writeTable(to path: String) throws(FileError) {
    var text = "method,seed,trainable,learning_rate,split,metric,value\n"
    for entry in entries {
      for run in entry.runs {
        for (split, values) in run.metrics {
          for (name, value) in values {
            text +=
              "\(entry.label),\(run.seed),\(entry.trainable),\(entry.learningRate),\(split),"
              + "\(name),\(value)\n"
          }
        }
      }
    }
    try AtomicFile.write(Array(text.utf8), to: path)
  }
}
