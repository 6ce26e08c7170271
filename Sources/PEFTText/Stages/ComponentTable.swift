import PEFTRuntime

/// Factories for the components of tokenizers, keyed by their `type` in a `tokenizer.json`.
struct ComponentTable: Sendable {
  typealias Maker<Part> = @Sendable (Component) throws(FileError) -> Part

  let normalizers: [String: Maker<any TextNormalizer>]
  let splitters: [String: Maker<any TextSplitter>]
  let models:
    [String: @Sendable (Component, ModelSurroundings) throws(FileError) -> any SubwordModel]
  let decoders: [String: Maker<any TokenDecoder>]
}

/// The properties of the rest of its tokenizer that a model needs to know.
struct ModelSurroundings {
  /// The tokens that are recognised in the text. Those that the model's vocabulary lacks are
  /// appended to it.
  let added: [AddedTokens.Token]
  /// Whether the splitter passes on bytes.
  let isByteLevel: Bool
}
