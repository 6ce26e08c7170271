import PEFTModels
import PEFTTensor

/// The token with which transformers pads the batches of a merged causal model with a classifier.
///
/// Such a classifier reads the last token whose id is not `pad_token_id`, so no text may end with
/// the padding token. The end token, with which many pad, is one that a text may contain. The
/// padding token is therefore a token of its own, whose content no text should have. Its id is the
/// one after all of the tokenizer's, so that it takes a spare row of the word table, or a new one.
struct PaddingToken {
  /// The content, `<|peft_pad|>`.
  static let content = "<|peft_pad|>"
  private static let (tableName, vocabularyName) = ("tokenizer.json", "vocab.json")
  private static let mapName = "special_tokens_map.json"

  /// The row of the word table.
  let id: Int
  /// The tokenizer's files that name the token, by their names.
  let documents: [String: JSONValue]

  /// Adds the token to the tokenizer of `files`, which has `vocabularySize` tokens. If the
  /// tokenizer has the token already, its id stays.
  ///
  /// Errors: those of `ModelFiles.document`.
  init(in files: ModelFiles, vocabularySize: Int) throws(FileError) {
    let table = try files.document(Self.tableName)?.object
    let vocabulary = table == nil ? try files.document(Self.vocabularyName)?.object : nil
    var settings = try files.document(ModelFiles.tokenizerSettingsName)?.object ?? JSONObject()
    var added = Self.added(in: table)
    if table == nil {
      added += Self.tokens(try files.document("added_tokens.json")?.object)
      added += (settings["added_tokens_decoder"]?.object ?? JSONObject()).members.compactMap {
        ($0.value["content"]?.string ?? "", Int($0.key) ?? -1)
      }
    }
    let tokens = Self.tokens(table?["model"]?["vocab"]?.object ?? vocabulary) + added
    let known = tokens.first { $0.content == Self.content }?.id
    let id = known ?? tokens.reduce(vocabularySize) { max($0, $1.id + 1) }
    var documents: [String: JSONValue] = [:]
    if let table {
      documents[Self.tableName] = .object(
        Self.adding(id, isKnown: known != nil, after: added.map(\.id).max(), to: table))
    } else if var vocabulary {
      vocabulary[Self.content] = .integer(id)
      documents[Self.vocabularyName] = .object(vocabulary)
    }
    if table == nil { Self.keepSpecial(settings["pad_token"], in: &settings) }
    settings["pad_token"] = .string(Self.content)
    // Positions are counted from the left, also in a batch.
    settings["padding_side"] = .string("right")
    if var decoder = settings["added_tokens_decoder"]?.object {
      decoder["\(id)"] = .object(Self.description)
      settings["added_tokens_decoder"] = .object(decoder)
    }
    documents[ModelFiles.tokenizerSettingsName] = .object(settings)
    if var map = try files.document(Self.mapName)?.object {
      map["pad_token"] = .string(Self.content)
      documents[Self.mapName] = .object(map)
    }
    self.id = id
    self.documents = documents
  }

  /// Keeps the padding token of before special: without a `tokenizer.json`, that it is found in
  /// texts may be said by its name as padding token alone.
  private static func keepSpecial(_ token: JSONValue?, in settings: inout JSONObject) {
    let key = "additional_special_tokens"
    guard let content = token?.string ?? token?["content"]?.string, content != Self.content,
      let others = (settings[key] ?? .array([])).array, !others.contains(.string(content))
    else { return }
    settings[key] = .array(others + [.string(content)])
  }

  private typealias Token = (content: String, id: Int)

  private static let description: JSONObject = [
    "content": .string(content), "single_word": .bool(false), "lstrip": .bool(false),
    "rstrip": .bool(false), "normalized": .bool(false), "special": .bool(true),
  ]

  private static func tokens(_ object: JSONObject?) -> [Token] {
    (object ?? JSONObject()).members.compactMap { content, value in
      value.integer.map { (content, $0) }
    }
  }

  /// The added tokens of a `tokenizer.json`.
  private static func added(in table: JSONObject?) -> [Token] {
    (table?["added_tokens"]?.array ?? []).compactMap { token in
      token["id"]?.integer.map { (token["content"]?.string ?? "", $0) }
    }
  }

  /// A `tokenizer.json` with the token.
  private static func adding(
    _ id: Int, isKnown: Bool, after last: Int?, to table: JSONObject
  ) -> JSONObject {
    var table = table
    if !isKnown {
      var token: JSONObject = ["id": .integer(id)]
      for (key, value) in description.members { token[key] = value }
      table["added_tokens"] = .array((table["added_tokens"]?.array ?? []) + [.object(token)])
      // Tokenizers gives an added token the next id, whatever its file says. Beside a hole in the
      // numbers, only the vocabulary can say another.
      if var model = table["model"]?.object, var vocabulary = model["vocab"]?.object,
        id != max(vocabulary.count, (last ?? -1) + 1)
      {
        vocabulary[content] = .integer(id)
        model["vocab"] = .object(vocabulary)
        table["model"] = .object(model)
      }
    }
    if var padding = table["padding"]?.object {
      padding["pad_id"] = .integer(id)
      padding["pad_token"] = .string(content)
      table["padding"] = .object(padding)
    }
    return table
  }
}
