import PEFTTensor

/// The available kinds of task.
public struct TaskCatalogue: Sendable {
  /// The kinds of task of this package.
  public static let standard = TaskCatalogue([
    Classification.self, MultiLabelClassification.self, Regression.self,
    TokenClassification.self, Similarity.self, Retrieval.self, LanguageModelling.self,
    Completion.self, Chat.self,
  ])

  /// The types in the order of listing.
  public let types: [any PredictionTask.Type]

  /// A catalogue of these types, whose names must be distinct.
  public init(_ types: [any PredictionTask.Type]) { self.types = types }

  /// The type called `name`; nil if there is none.
  public func type(named name: String) -> (any PredictionTask.Type)? {
    types.first { $0.name == name }
  }

  /// The task that `json` describes, read from the file `path`. Throws `malformed` for anything
  /// else.
  public func task(json: JSONValue, path: String) throws(FileError) -> any PredictionTask {
    guard let name = json["task"]?.string, let type = type(named: name) else {
      throw FileError(
        .malformed, path: path, place: "task",
        reason: "the task is none of " + types.map { $0.name }.joined(separator: ", "))
    }
    return try type.init(json: json, path: path)
  }
}
