import PEFTTensor

/// The part of Hugging Face PEFT's `adapter_config.json` that all methods have in common.
public struct AdapterConfiguration: Sendable {
  /// The path of the file, used in messages.
  public let path: String
  /// The JSON document.
  public let document: JSONValue

  /// Parses `bytes`, read from the file at `path`.
  init(parsing bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    document = try JSONValue(parsing: bytes, path: path)
    try refuse("task_type") { type in
      let known = ["SEQ_CLS", Self.tokenTask, "CAUSAL_LM", "FEATURE_EXTRACTION"]
      return type.string.map { !known.contains($0) } ?? false
    }
  }

  private static let tokenTask = "TOKEN_CLS"

  /// Whether the adapter belongs to a model that classifies tokens.
  public var classifiesTokens: Bool { taskType == Self.tokenTask }

  /// `task_type`: `SEQ_CLS`, `TOKEN_CLS`, `CAUSAL_LM` or `FEATURE_EXTRACTION`; nil if the file has
  /// none.
  public var taskType: String? { self["task_type"]?.string }

  /// `peft_type`; a file without it has the type LORA.
  public var type: String { document["peft_type"]?.string ?? "LORA" }

  /// The value of `key`; nil if it is missing or null.
  public subscript(key: String) -> JSONValue? {
    guard let value = document[key], value != .null else { return nil }
    return value
  }

  /// Throws if `key` is present with a value for which `isOther` holds, which means a variant with
  /// different mathematics.
  public func refuse(
    _ key: String, where isOther: (JSONValue) -> Bool = { _ in true }
  ) throws(FileError) {
    if let value = self[key], isOther(value) { throw refusal(key) }
  }

  /// The error that says that the value of `key` is not supported.
  public func refusal(_ key: String) -> FileError {
    FileError(
      .unsupported, path: path, place: key,
      reason: "adapters with \(document[key]?.text() ?? "it") are not supported",
      remedy: "merge the adapter with PEFT and use the merged model")
  }
}
