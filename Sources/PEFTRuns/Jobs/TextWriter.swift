import PEFTData
import PEFTModels
import PEFTTensor

/// Generates text with a language model, from prompts in the form that it has learned.
public struct TextWriter {
  private let trained: TrainedModel
  private let isCompletion: Bool
  private let chat: Chat?

  /// A writer with a trained model; messages use `name`. Throws for a model that cannot generate
  /// text.
  ///
  /// - Parameter task: the task to use if the model has no task of its own.
  public init(
    _ trained: TrainedModel, task: (any PredictionTask)? = nil, name: String
  ) throws(InvalidSetting) {
    guard trained.model.configuration.isCausal, trained.model.vocabulary != nil else {
      throw InvalidSetting("\(name) is not a causal language model, so it cannot generate text")
    }
    self.trained = trained
    isCompletion = (trained.task ?? task) is Completion
    chat = (trained.task ?? task) as? Chat
  }

  /// The texts generated for the prompts of the file `path`.
  ///
  /// Returns nil if `shouldStop`, called before every batch of prompts, ended the generation.
  ///
  /// Throws `malformed`, with the line, for a prompt that leaves no room for a text.
  public func texts(
    after examples: [TextExample], of path: String, settings: GenerationSettings,
    shouldStop: () -> Bool
  ) throws(FileError) -> [String]? {
    let prompts = try examples.map { example throws(FileError) in
      try ids(of: example, path: path, place: "line \(example.line)")
    }
    do {
      let texts = try trained.model.generate(
        prompts, settings: settings, end: end,
        shouldStop: shouldStop
      ).map(text)
      return texts.count == examples.count ? texts : nil
    } catch {
      throw FileError(
        .malformed, path: path, place: "line \(examples[error.prompt].line)",
        reason: error.description)
    }
  }

  /// The texts generated for the prompts of the file `path`, as in
  /// `texts(after:of:settings:shouldStop:)`.
  public func texts(
    after examples: [TextExample], of path: String, settings: GenerationSettings
  ) throws(FileError) -> [String] {
    try texts(after: examples, of: path, settings: settings, shouldStop: { false }) ?? []
  }

  /// The text generated for one prompt; `observe` receives the growing text.
  public func text(
    after prompt: String, settings: GenerationSettings, observe: (String) -> Void
  ) throws(FileError) -> String {
    var ids: [Int32] = []
    let prompt = try self.ids(
      of: TextExample(text: prompt, line: 1), path: "`prompt`", place: "")
    do {
      let tokens = try trained.model.generate(
        [prompt], settings: settings, end: end
      ) { _, token in
        ids.append(token)
        observe(text(ids))
      }
      return text(tokens[0])
    } catch {
      throw FileError(.malformed, path: "`prompt`", reason: error.description)
    }
  }

  /// The token that ends a text.
  private var end: Int32? {
    chat?.end(in: trained.tokenizer.vocabulary) ?? trained.tokenizer.special.end
  }

  private func ids(
    of example: TextExample, path: String, place: String
  ) throws(FileError) -> [Int32] {
    if let chat {
      return try chat.prompt(example, by: trained.tokenizer, path: path, place: place)
    }
    return isCompletion
      ? CompletionText(tokenizer: trained.tokenizer).prompt(example.text)
      : trained.tokenizer.encode(example.text).ids
  }

  private func text(_ ids: [Int32]) -> String {
    if let end, chat != nil { return trained.tokenizer.decode(ids.filter { $0 != end }) }
    return isCompletion
      ? CompletionText(tokenizer: trained.tokenizer).completion(ids)
      : trained.tokenizer.decode(ids)
  }
}
