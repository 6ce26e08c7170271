import PEFTRuntime

/// The contents of a `tokenizer.json`. Features that this package does not support are rejected by
/// name.
struct TokenizerDocument {
  private let path: String
  private let root: JSONValue
  private let table: ComponentTable

  init(
    _ bytes: [UInt8], path: String, table: ComponentTable = .standard
  ) throws(FileError) {
    self.path = path
    self.table = table
    root = try JSONValue(parsing: bytes, path: path)
  }

  /// - Parameter named: tokens that the settings beside the file name as special. Those that the
  ///   vocabulary has are recognised in a text, as in the reference.
  func tokenizer(naming named: [AddedTokens.Token] = []) throws(FileError) -> Tokenizer {
    guard let model = root["model"] else {
      throw component("model").malformed("it is missing")
    }
    let type = Self.type(of: model)
    guard let makeModel = table.models[type] else {
      throw component("model").unsupported("the model \"\(type)\"", at: "type")
    }
    let added = try addedTokens()
    let normalizer = try part("normalizer", by: table.normalizers)
    let splitter = try part("pre_tokenizer", by: table.splitters)
    let surroundings = ModelSurroundings(
      added: added, isByteLevel: splitter?.isByteLevel ?? false)
    let stages = Tokenizer.Stages(
      normalizer: normalizer, splitter: splitter,
      model: try makeModel(component("model"), surroundings),
      decoder: try part("decoder", by: table.decoders))
    let known = Set(added.map { Array($0.content.utf8) })
    let more = named.filter {
      !known.contains(Array($0.content.utf8)) && stages.model.vocabulary.id(of: $0.content) != nil
    }
    var tokenizer = try Tokenizer(
      stages, added: added + more, processor: component("post_processor"),
      files: ["tokenizer.json"], path: path)
    tokenizer.truncatesLeft = root["truncation"]?["direction"] == .string("Left")
    return tokenizer
  }

  /// The type of a model. Early files do not contain it; a list of merges then identifies BPE.
  private static func type(of model: JSONValue) -> String {
    if let type = model["type"]?.string { return type }
    if model["merges"] != nil { return "BPE" }
    return model["vocab"]?.array == nil ? "WordPiece" : "Unigram"
  }

  private func component(_ name: String) -> Component {
    Component(value: root[name] ?? .null, place: name, path: path, table: table)
  }

  /// The component called `name`; nil if the file has none.
  private func part<Part>(
    _ name: String, by makers: [String: ComponentTable.Maker<Part>]
  ) throws(FileError) -> Part? {
    let component = component(name)
    return component.value == .null ? nil : try component.made(by: makers)
  }

  private func addedTokens() throws(FileError) -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    for entry in root["added_tokens"]?.array ?? [] {
      guard let content = entry["content"]?.string, !content.isEmpty,
        let id = entry["id"]?.integer.flatMap(Int32.init(exactly:)), id >= 0
      else { throw component("added_tokens").malformed("an entry has no content or no id") }
      tokens.append(
        AddedTokens.Token(
          content: content, id: id, stripsLeft: entry["lstrip"]?.bool ?? false,
          stripsRight: entry["rstrip"]?.bool ?? false,
          isWholeWord: entry["single_word"]?.bool ?? false,
          isNormalized: entry["normalized"]?.bool ?? false,
          isSpecial: entry["special"]?.bool ?? false))
    }
    return tokens
  }
}
