import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The trained head of a checkpoint or an adapter, and whether it fits a task.
///
/// Its rows are named by `id2label` of `config.json`, or by `labels.json` beside an adapter. The
/// head is kept only if every row is exactly one class of the task. The task's classes are then
/// reordered to the order of the rows.
struct TrainedHead {
  /// The task, with its classes in the order of the rows if the head is kept.
  let task: any PredictionTask
  /// Whether the head is kept; otherwise a new head is initialised.
  let isKept: Bool
  /// A message for the user; nil if there is no trained head, or if its rows are named like the
  /// classes.
  let note: String?

  /// The head for the task of training data; nil if neither checkpoint nor adapter has a head, or
  /// if the task needs none.
  init?(
    for posed: any PredictionTask, files: ModelFiles, configuration: ModelConfiguration,
    adapter: AdapterFile?, adapterDirectory: String?
  ) throws(FileError) {
    if posed is any PairTask { return nil }
    var names: [String]?
    var owner = files.directory
    var isOther = false
    if let adapter, let count = try adapter.output(for: configuration).classCount {
      owner = adapter.path
      let beside = try adapterDirectory.flatMap { directory throws(FileError) in
        try AdapterLabels(beside: directory)
      }
      names =
        beside?.names.count == count
        ? beside?.names : Self.names(configuration.labelNames, count: count)
      isOther =
        beside.map { ($0.thresholds == nil) == (posed is MultiLabelClassification) } ?? false
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

  /// The number of rows of the checkpoint's classifier; nil if it has none.
  private static func rowCount(
    _ files: ModelFiles, _ configuration: ModelConfiguration
  ) throws(FileError) -> Int? {
    let (weights, naming) = (try files.weights, configuration.naming)
    for name in naming.classifierWeights + [naming.tokenClassifierWeight] {
      if let shape = weights.entry(name)?.shape, shape.count == 2 { return shape[0] }
    }
    return nil
  }

  /// Whether the checkpoint's classifier takes the same input as the task's, texts or tokens, and
  /// has outputs of the task's kind.
  private static func isHead(
    of files: ModelFiles, _ configuration: ModelConfiguration, for task: any PredictionTask
  ) throws(FileError) -> Bool {
    let document = try files.document(ModelFiles.configurationName)
    let classes = document?["architectures"]?.array ?? []
    let isOfTokens = classes.contains(.string(configuration.naming.tokenClassifierClass))
    guard isOfTokens == (task is TokenClassification) else { return false }
    switch document?["problem_type"]?.string {
    case "multi_label_classification": return task is MultiLabelClassification
    case "regression": return task is Regression
    default: return !(task is MultiLabelClassification)
    }
  }

  /// The names of `count` rows. If a checkpoint gives no names, or another number of them, the
  /// names are `LABEL_0`, `LABEL_1`, ….
  private static func names(_ names: [String]?, count: Int) -> [String] {
    if let names, names.count == count { return names }
    return (0..<count).map { "LABEL_\($0)" }
  }
}
