import Foundation
import PEFTRuntime

extension TrainedBPE {
  /// The tokenizer with this vocabulary, the same that `Tokenizer.load` reads from the files that
  /// `write` makes.
  ///
  /// The special tokens must be those of `family`. Errors: none that a trained
  /// vocabulary brings about.
  public func tokenizer(family: ByteLevelFamily) throws(FileError) -> Tokenizer {
    try Tokenizer(document: Array(document(family).text().utf8), path: "tokenizer.json")
  }

  /// Writes the tokenizer's files into `directory`, which is made when it is missing: `vocab.json`,
  /// `merges.txt`, `tokenizer_config.json`, and `tokenizer.json`, which says it all. Each replaces
  /// an older file of its name in one step. `Tokenizer.load` reads the directory, and so does
  /// `AutoTokenizer` of PyPI's `transformers`.
  ///
  /// - Parameters:
  ///   - family: the special tokens of this vocabulary must be the family's.
  ///   - maximumLength: the number of tokens that the model takes, special ones included;
  ///     nil leaves it open.
  ///
  /// Errors: `storage` when the system refuses.
  public func write(
    to directory: String, family: ByteLevelFamily, maximumLength: Int? = nil
  ) throws(FileError) {
    let document = document(family)
    try DirectoryHandle.create(directory)
    try Self.write(vocabulary.text(), to: directory + "/vocab.json")
    let lines = merges.map { "\($0.left) \($0.right)\n" }
    try Self.write("#version: 0.2\n" + lines.joined(), to: directory + "/merges.txt")
    try Self.write(
      settings(family, maximumLength).text(pretty: true) + "\n",
      to: directory + "/tokenizer_config.json")
    try Self.write(document.text(), to: directory + "/tokenizer.json")
  }

  /// The splitter, as `tokenizer.json` names it: no space is put before a text.
  static let byteLevel = JSONValue.object([
    "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
    "use_regex": .bool(true),
  ])

  private var vocabulary: JSONValue {
    .object(
      tokens.enumerated().reduce(into: JSONObject()) { $0[$1.element] = .integer($1.offset) })
  }

  /// The content of `tokenizer.json`.
  private func document(_ family: ByteLevelFamily) -> JSONValue {
    precondition(
      Array(tokens.prefix(specialTokenCount)) == family.specialTokens,
      "the special tokens of \(family) are \(family.specialTokens), "
        + "the vocabulary has \(tokens.prefix(specialTokenCount))")
    return .object([
      "version": .string("1.0"), "truncation": .null, "padding": .null,
      "added_tokens": .array(family.specialTokens.enumerated().map(Self.addedToken)),
      "normalizer": .null, "pre_tokenizer": Self.byteLevel,
      "post_processor": family.postProcessor, "decoder": Self.byteLevel,
      "model": .object([
        "type": .string("BPE"), "dropout": .null, "unk_token": .null,
        "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(false),
        "byte_fallback": .bool(false), "ignore_merges": .bool(false), "vocab": vocabulary,
        "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
      ]),
    ])
  }

  /// `<mask>` takes the white space before it: the token it stands for begins with that.
  private static func addedToken(_ id: Int, _ content: String) -> JSONValue {
    .object([
      "id": .integer(id), "content": .string(content), "single_word": .bool(false),
      "lstrip": .bool(content == "<mask>"), "rstrip": .bool(false), "normalized": .bool(false),
      "special": .bool(true),
    ])
  }

  /// The content of `tokenizer_config.json`.
  private func settings(_ family: ByteLevelFamily, _ maximumLength: Int?) -> JSONValue {
    var settings: JSONObject = [
      "tokenizer_class": .string(family.tokenizerClass), "add_prefix_space": .bool(false),
      "clean_up_tokenization_spaces": .bool(false),
    ]
    for (role, token) in family.roles.members { settings[role] = token }
    if let maximumLength { settings["model_max_length"] = .integer(maximumLength) }
    return .object(settings)
  }

  private static func write(_ text: String, to path: String) throws(FileError) {
    try AtomicFile.write(Array(text.utf8), to: path)
  }
}
