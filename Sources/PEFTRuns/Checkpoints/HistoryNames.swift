import PEFTTensor

/// The prefixes under which a state's file has the trainable rows and elements of a tensor.
struct HistoryNames {
  /// That of positions of elements.
  let elements: String
  /// That of rows.
  let rows: String
  /// That of positions of elements that were trainable earlier.
  let retired: String

  /// The prefixes for what trains now.
  static let now = HistoryNames(elements: "elements", rows: "rows", retired: "retired")
  /// The prefixes for what trained at the best evaluation.
  static let best = HistoryNames(
    elements: "bestElements", rows: "bestRows", retired: "bestRetired")

  /// The history of `parameter`; nil if the file names none.
  ///
  /// Throws `malformed` for positions or rows that the parameter does not have, or elements that
  /// are both trainable and no longer trainable.
  func history(
    of parameter: Parameter, in file: SafetensorsReader
  ) throws(FileError) -> TrainingHistory? {
    func name(_ prefix: String) -> String? {
      let name = "\(prefix).\(parameter.name)"
      return file.entry(name) == nil ? nil : name
    }
    var (trains, retired) = (TrainableElements?.none, [Int]())
    if let elements = name(elements) {
      trains = .elements(try TrainedTensors.positions(elements, in: file, of: parameter))
    } else if let rows = name(rows) {
      trains = .rows(try TrainedTensors.rows(rows, in: file, of: parameter))
    }
    if let earlier = name(self.retired) {
      retired = try TrainedTensors.positions(earlier, in: file, of: parameter)
      let isOverlapping = retired.subtracting(trains?.chosenElements ?? []).count < retired.count
      guard trains?.chosenRows == nil, !isOverlapping else {
        throw FileError(
          .malformed, path: file.path, place: "tensor \(earlier)",
          reason: "elements of it are trainable", remedy: CheckpointFiles.remedy)
      }
    }
    guard trains != nil || !retired.isEmpty else { return nil }
    return TrainingHistory(trains: trains ?? .none, retired: retired)
  }
}
