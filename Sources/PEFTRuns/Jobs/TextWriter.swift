import PEFTData
import PEFTModels
import PEFTTensor

/// Lets a language model write, with prompts in the form it has learned.
public struct TextWriter {
  private let trained: TrainedModel
  private let isCompletion: Bool

  /// A writer with a trained model; `name` is for messages. Throws for a model that cannot write.
  ///
  /// - Parameter task: what is asked of it, where it has no task itself.
  public init(
    _ trained: TrainedModel, task: (any PredictionTask)? = nil, name: String
  ) throws(InvalidSetting) {
    guard trained.model.configuration.isCausal, trained.model.vocabulary != nil else {
      throw InvalidSetting("\(name) is not a causal language model, so it cannot generate text")
    }
    self.trained = trained
    isCompletion = (trained.task ?? task) is Completion
  }

  /// The texts after the prompts of the file `path`; nil where `shouldStop`, which is asked before
  /// every batch of prompts, ended it.
  ///
  /// Throws `malformed`, with the line, for a prompt that leaves no room to write.
  public func texts(
    after examples: [TextExample], of path: String, settings: GenerationSettings,
    shouldStop: () -> Bool
  ) throws(FileError) -> [String]? {
    do {
      let texts = try trained.model.generate(
        examples.map { ids(of: $0.text) }, settings: settings, end: trained.tokenizer.special.end,
        shouldStop: shouldStop
      ).map(text)
      return texts.count == examples.count ? texts : nil
    } catch {
      throw FileError(
        .malformed, path: path, place: "line \(examples[error.prompt].line)",
        reason: error.description)
    }
  }

  /// The texts after the prompts of the file `path`, as the function above makes them.
  public func texts(
    after examples: [TextExample], of path: String, settings: GenerationSettings
  ) throws(FileError) -> [String] {
    try texts(after: examples, of: path, settings: settings, shouldStop: { false }) ?? []
  }

  /// The text after one prompt; `observe` is told of the text so far as it grows.
  public func text(
    after prompt: String, settings: GenerationSettings, observe: (String) -> Void
  ) throws(FileError) -> String {
    var ids: [Int32] = []
    do {
      let tokens = try trained.model.generate(
        [self.ids(of: prompt)], settings: settings, end: trained.tokenizer.special.end
      ) { _, token in
        ids.append(token)
        observe(text(ids))
      }
      return text(tokens[0])
    } catch {
      throw FileError(.malformed, path: "`prompt`", reason: error.description)
    }
  }

  private func ids(of prompt: String) -> [Int32] {
    isCompletion
      ? CompletionText(tokenizer: trained.tokenizer).prompt(prompt)
      : trained.tokenizer.encode(prompt).ids
  }

  private func text(_ ids: [Int32]) -> String {
    isCompletion
      ? CompletionText(tokenizer: trained.tokenizer).completion(ids)
      : trained.tokenizer.decode(ids)
  }
}
