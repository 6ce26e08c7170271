import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The trained head of a checkpoint or an adapter, and whether it is one for a task.
///
/// Its rows have the names in `id2label` of `config.json`, or in `labels.json` beside an adapter.
/// It is kept only if every row is exactly one class of the task, and the task then has its classes
/// in the order of the rows.
struct TrainedHead {
  /// The task, its classes in the order of the rows if the head is kept.
  let task: any PredictionTask
  /// Whether the head is kept; otherwise one is initialised.
  let isKept: Bool
  /// What the user should know; nil if there is no trained head, or its rows are named like the
  /// classes.
  let note: String?

  /// The head for a task that training data pose; nil if nothing there has a head.
  init?(
    for posed: any PredictionTask, files: ModelFiles, configuration: ModelConfiguration,
    adapter: AdapterFile?, adapterDirectory: String?
  ) throws(FileError) {
    var names: [String]?
    var owner = files.directory
    var isOther = false
    if let adapter, let count = try adapter.output(for: configuration).classCount {
      owner = adapter.path
      names =
        try Self.names(beside: adapterDirectory, count: count)
        ?? Self.names(configuration.labelNames, count: count)
    } else if let count = try Self.rowCount(files, configuration) {
      names = Self.names(configuration.labelNames, count: count)
      isOther = try !Self.isHead(of: files, configuration, for: posed)
    }
    guard let names, posed.output(pooling: .first) != .vocabulary else { return nil }
    let shown = names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
    guard !isOther, let task = posed.ordered(likeRowsNamed: names) else {
      self.init(
        task: posed, isKept: false,
        note: "the trained head of \(owner) (\(shown)) is not one for these data: a new head is "
          + "initialised")
      return
    }
    let renamed = zip(names, task.classes?.names ?? []).filter { $0 != $1 }.map { "\($1) as \($0)" }
    self.init(
      task: task, isKept: true,
      note: "the trained head of \(owner) is kept"
        + (renamed.isEmpty
          ? "" : "; its rows are read by " + renamed.prefix(5).joined(separator: ", ")))
  }

  private init(task: any PredictionTask, isKept: Bool, note: String?) {
    self.task = task
    self.isKept = isKept
    self.note = note
  }

  /// The rows of the checkpoint's classifier; nil if it has none.
  private static func rowCount(
    _ files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> Int? {
    let (weights, naming) = (try files.weights, configuration.naming)
    for name in naming.classifierWeights + [naming.tokenClassifierWeight] {
      if let shape = weights.entry(name)?.shape, shape.count == 2 { return shape[0] }
    }
    return nil
  }

  /// Whether the checkpoint's classifier reads what the task's does, texts or tokens, and its
  /// outputs are those of the task's kind.
  private static func isHead(
    of files: ModelFiles, _ configuration: ModelConfiguration, for task: any PredictionTask
  ) throws(FileError) -> Bool {
    let document = try files.document(ModelFiles.configurationName)
    let classes = document?["architectures"]?.array ?? []
    let isOfTokens = classes.contains(.string(configuration.naming.tokenClassifierClass))
    guard isOfTokens == (task is TokenClassification) else { return false }
    switch document?["problem_type"]?.string {
    case "multi_label_classification": return false
    case "regression": return task is Regression
    default: return true
    }
  }

  /// The names of `count` rows; those of a checkpoint that gives none, or another number, are
  /// `LABEL_0`, `LABEL_1`, ….
  private static func names(_ names: [String]?, count: Int) -> [String] {
    if let names, names.count == count { return names }
    return (0..<count).map { "LABEL_\($0)" }
  }

  private static func names(beside directory: String?, count: Int) throws(FileError) -> [String]? {
    guard let path = directory.map({ $0 + "/" + LabelMap.fileName }),
      FileManager.default.fileExists(atPath: path)
    else { return nil }
    let document = try JSONValue(contentsOf: path, limit: JSONValue.configurationLimit)
    let names = document.array?.compactMap(\.string)
    return names?.count == count ? names : nil
  }
}
