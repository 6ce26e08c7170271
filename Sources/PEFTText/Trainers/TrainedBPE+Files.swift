import Foundation
import PEFTRuntime

extension TrainedBPE {
  /// Creates the tokenizer with this vocabulary, equal to the one that `Tokenizer.load` reads from
  /// the files that `write` creates.
  ///
  /// The special tokens must be those of `template`, which is `.gpt2` or `.roberta`. A trained
  /// vocabulary does not cause any errors.
  public func tokenizer(template: SpecialTokenTemplate) throws(FileError) -> Tokenizer {
    try Tokenizer(document: Array(document(template).text().utf8), path: "tokenizer.json")
  }

  /// Writes the tokenizer's files to `directory`, which is created if it is missing.
  ///
  /// The files are `vocab.json`, `merges.txt`, `tokenizer_config.json`, and `tokenizer.json`, which
  /// alone is complete. Each replaces an older file of its name in one step. `Tokenizer.load` can
  /// read the directory, as can `AutoTokenizer` of PyPI's `transformers`.
  ///
  /// - Parameters:
  ///   - template: `.gpt2` or `.roberta`; its special tokens must be those of this vocabulary.
  ///   - maximumLength: the number of tokens that the model takes, including special ones; nil
  ///     leaves it open.
  ///
  /// Errors: `storage` if the system refuses to write.
  public func write(
    to directory: String, template: SpecialTokenTemplate, maximumLength: Int? = nil
  ) throws(FileError) {
    let document = document(template)
    try DirectoryHandle.create(directory)
    try Self.write(vocabulary.text(), to: directory + "/vocab.json")
    let lines = merges.map { "\($0.left) \($0.right)\n" }
    try Self.write("#version: 0.2\n" + lines.joined(), to: directory + "/merges.txt")
    try Self.write(
      settings(template, maximumLength).text(pretty: true) + "\n",
      to: directory + "/tokenizer_config.json")
    try Self.write(document.text(), to: directory + "/tokenizer.json")
  }

  /// The splitter as written in `tokenizer.json`. It puts no space before a text.
  static let byteLevel = JSONValue.object([
    "type": .string("ByteLevel"), "add_prefix_space": .bool(false), "trim_offsets": .bool(true),
    "use_regex": .bool(true),
  ])

  private var vocabulary: JSONValue {
    .object(
      tokens.enumerated().reduce(into: JSONObject()) { $0[$1.element] = .integer($1.offset) })
  }

  /// The contents of `tokenizer.json`.
  private func document(_ template: SpecialTokenTemplate) -> JSONValue {
    precondition(
      Array(tokens.prefix(specialTokenCount)) == template.specialTokens,
      "the special tokens of the template are \(template.specialTokens), "
        + "the vocabulary has \(tokens.prefix(specialTokenCount))")
    return .object([
      "version": .string("1.0"), "truncation": .null, "padding": .null,
      "added_tokens": .array(template.specialTokens.enumerated().map(Self.addedToken)),
      "normalizer": .null, "pre_tokenizer": Self.byteLevel,
      "post_processor": template.postProcessor, "decoder": Self.byteLevel,
      "model": .object([
        "type": .string("BPE"), "dropout": .null, "unk_token": .null,
        "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(false),
        "byte_fallback": .bool(false), "ignore_merges": .bool(false), "vocab": vocabulary,
        "merges": .array(merges.map { .array([.string($0.left), .string($0.right)]) }),
      ]),
    ])
  }

  /// An added token as written in `tokenizer.json`. `<mask>` absorbs the white space before it,
  /// because the token it replaces begins with that space.
  private static func addedToken(_ id: Int, _ content: String) -> JSONValue {
    .object([
      "id": .integer(id), "content": .string(content), "single_word": .bool(false),
      "lstrip": .bool(content == "<mask>"), "rstrip": .bool(false), "normalized": .bool(false),
      "special": .bool(true),
    ])
  }

  /// The contents of `tokenizer_config.json`.
  private func settings(_ template: SpecialTokenTemplate, _ maximumLength: Int?) -> JSONValue {
    var settings: JSONObject = [
      "tokenizer_class": .string(template.tokenizerClass), "add_prefix_space": .bool(false),
      "clean_up_tokenization_spaces": .bool(false),
    ]
    for (role, token) in template.roles.members { settings[role] = token }
    if let maximumLength { settings["model_max_length"] = .integer(maximumLength) }
    return .object(settings)
  }

  private static func write(_ text: String, to path: String) throws(FileError) {
    try AtomicFile.write(Array(text.utf8), to: path)
  }
}
