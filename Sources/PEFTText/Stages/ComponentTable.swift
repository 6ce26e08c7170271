import PEFTRuntime

/// What makes the components of tokenizers, each under the `type` that a `tokenizer.json` calls it.
struct ComponentTable: Sendable {
  typealias Maker<Part> = @Sendable (Component) throws(FileError) -> Part

  let normalizers: [String: Maker<any TextNormalizer>]
  let splitters: [String: Maker<any TextSplitter>]
  let models:
    [String: @Sendable (Component, ModelSurroundings) throws(FileError) -> any SubwordModel]
  let decoders: [String: Maker<any TokenDecoder>]
}

/// What a model has to know of the rest of its tokenizer.
struct ModelSurroundings {
  /// The tokens that are found in the text; those that the model's vocabulary lacks follow it.
  let added: [AddedTokens.Token]
  /// Whether the splitter hands over bytes.
  let isByteLevel: Bool
}
