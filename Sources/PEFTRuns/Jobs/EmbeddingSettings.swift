import Foundation
import PEFTData
import PEFTTensor

/// How a model's tokens become the embedding of a text, as the files of sentence-transformers in a
/// model directory say.
///
/// `modules.json` lists what follows the transformer: pooling, and as a rule normalisation. A
/// directory without it has the defaults of sentence-transformers: the mean of the tokens, with the
/// length that it has.
public struct EmbeddingSettings: Hashable, Sendable {
  /// How the tokens are reduced to one row.
  public var pooling: Pooling
  /// Whether embeddings have the length 1.
  public var isNormalized: Bool
  /// The longest text in tokens, if that is limited further than by the model.
  public var maximumLength: Int?

  /// Settings with these values.
  public init(pooling: Pooling = .mean, isNormalized: Bool = false, maximumLength: Int? = nil) {
    self.pooling = pooling
    self.isNormalized = isNormalized
    self.maximumLength = maximumLength
  }

  /// The file that lists the modules of a sentence-transformers model.
  static let modulesName = "modules.json"
  private static let transformerName = "sentence_bert_config.json"
  private static let overallName = "config_sentence_transformers.json"
  private static let configurationName = "config.json"

  /// Whether the model in `directory` is one of sentence-transformers.
  static func areDescribed(in directory: String) -> Bool {
    FileManager.default.fileExists(atPath: directory + "/" + modulesName)
  }

  /// Reads the settings of the model in `directory`, and takes the defaults where nothing is said.
  ///
  /// Throws `unsupported`, naming the file, for modules and poolings that are not supported, and
  /// `malformed`.
  public init(directory: String) throws(FileError) {
    self.init()
    guard Self.areDescribed(in: directory) else { return }
    let path = directory + "/" + Self.modulesName
    guard let modules = try Self.read(path).array else {
      throw FileError(.malformed, path: path, reason: "it is not a list of modules")
    }
    for module in modules {
      let kind = module["type"]?.string?.split(separator: ".").last.map(String.init) ?? ""
      let name = module["path"]?.string ?? ""
      switch kind {
      case "Transformer":
        guard name.isEmpty else {
          throw FileError(
            .unsupported, path: path, reason: "the transformer is in the directory \(name)",
            remedy: "move its files beside modules.json")
        }
      case "Pooling": pooling = try Self.pooling("\(directory)/\(name)/\(Self.configurationName)")
      case "Normalize": isNormalized = true
      default:
        throw FileError(
          .unsupported, path: path,
          reason: "the module \(kind.isEmpty ? "without a type" : kind) is not supported",
          remedy: "use a model with a transformer, pooling and normalisation")
      }
    }
    let transformer = directory + "/" + Self.transformerName
    if FileManager.default.fileExists(atPath: transformer) {
      maximumLength = try Self.read(transformer)["max_seq_length"]?.integer.flatMap {
        $0 >= 4 ? $0 : nil
      }
    }
  }

  private static func read(_ path: String) throws(FileError) -> JSONValue {
    try JSONValue(contentsOf: path, limit: JSONValue.configurationLimit)
  }

  /// The pooling that the configuration at `path` describes: as one mode, or in versions before 5
  /// as a flag for each.
  private static func pooling(_ path: String) throws(FileError) -> Pooling {
    let document = try read(path)
    var modes: [String] = []
    if let mode = document["pooling_mode"] {
      modes = mode.string.map { [$0] } ?? mode.array?.compactMap(\.string) ?? []
    } else {
      for (key, value) in (document.object ?? JSONObject()).members
      where key.hasPrefix(flagPrefix) && value == .bool(true) {
        let flag = String(key.dropFirst(flagPrefix.count))
        modes.append(flag.replacing("_tokens", with: "").replacing("_token", with: ""))
      }
    }
    guard modes.count == 1, let pooling = names[modes[0]] else {
      throw FileError(
        .unsupported, path: path, place: "pooling_mode",
        reason: modes.isEmpty
          ? "no pooling is named" : "the pooling \(modes.joined(separator: " + "))",
        remedy: "use a model that pools by mean, cls or lasttoken")
    }
    return pooling
  }

  private static let flagPrefix = "pooling_mode_"
  private static let names: [String: Pooling] = [
    "mean": .mean, "cls": .first, "lasttoken": .last,
  ]

  /// Writes the files by which sentence-transformers opens the model in a directory, and returns
  /// their names.
  ///
  /// - Parameter width: h, the number of elements of an embedding.
  func write(to output: OutputDirectory, width: Int) throws(FileError) -> [String] {
    let (pool, norm) = ("1_Pooling", "2_Normalize")
    let steps =
      [("", "Transformer"), (pool, "Pooling")] + (isNormalized ? [(norm, "Normalize")] : [])
    let modules = steps.enumerated().map { index, step in
      JSONValue.object([
        "idx": .integer(index), "name": .string("\(index)"), "path": .string(step.0),
        "type": .string("sentence_transformers.models.\(step.1)"),
      ])
    }
    var pooled: JSONObject = ["word_embedding_dimension": .integer(width)]
    for (name, value) in [
      ("cls_token", Pooling.first), ("mean_tokens", .mean), ("lasttoken", .last),
    ] {
      pooled[Self.flagPrefix + name] = .bool(pooling == value)
    }
    pooled["include_prompt"] = .bool(true)
    var files: [(String, JSONValue)] = [
      (Self.modulesName, .array(modules)),
      ("\(pool)/\(Self.configurationName)", .object(pooled)),
      (
        Self.overallName,
        .object([
          "prompts": .object([:]), "default_prompt_name": .null,
          "similarity_fn_name": .string("cosine"),
        ])
      ),
    ]
    if let maximumLength {
      files.append(
        (
          Self.transformerName,
          .object(["max_seq_length": .integer(maximumLength), "do_lower_case": .bool(false)])
        ))
    }
    if isNormalized { files.append(("\(norm)/\(Self.configurationName)", .object([:]))) }
    try output.makeDirectories(pool)
    if isNormalized { try output.makeDirectories(norm) }
    for (name, document) in files { try JSONFile.write(document, to: output.file(name)) }
    return files.map(\.0)
  }
}
