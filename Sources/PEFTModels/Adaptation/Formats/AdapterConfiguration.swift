import PEFTTensor

/// An `adapter_config.json` of Hugging Face PEFT, as far as every method has it.
public struct AdapterConfiguration: Sendable {
  /// The path, for messages.
  public let path: String
  /// The document.
  public let document: JSONValue

  /// Parses `bytes`, which came from the file at `path`.
  init(parsing bytes: [UInt8], path: String) throws(FileError) {
    self.path = path
    document = try JSONValue(parsing: bytes, path: path)
    try refuse("task_type") { type in
      let known = ["SEQ_CLS", Self.tokenTask, "CAUSAL_LM", "FEATURE_EXTRACTION"]
      return type.string.map { !known.contains($0) } ?? false
    }
  }

  private static let tokenTask = "TOKEN_CLS"

  /// Whether the adapter is one of a model that classifies tokens.
  public var classifiesTokens: Bool { self["task_type"]?.string == Self.tokenTask }

  /// `peft_type`; files without it are of the type LORA.
  public var type: String { document["peft_type"]?.string ?? "LORA" }

  /// What the file says of `key`; nil where it is missing or null.
  public subscript(key: String) -> JSONValue? {
    guard let value = document[key], value != .null else { return nil }
    return value
  }

  /// Throws where the file has `key` with a value for which `isOther` holds: a variant whose
  /// mathematics is another.
  public func refuse(
    _ key: String, where isOther: (JSONValue) -> Bool = { _ in true }
  ) throws(FileError) {
    if let value = self[key], isOther(value) { throw refusal(key) }
  }

  /// That what the file says of `key` is not supported.
  public func refusal(_ key: String) -> FileError {
    FileError(
      .unsupported, path: path, place: key,
      reason: "adapters with \(document[key]?.text() ?? "it") are not supported",
      remedy: "merge the adapter with PEFT and use the merged model")
  }
}
