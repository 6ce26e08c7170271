import ArgumentParser
import PEFTData

/// The options for the kind of task and the windows of running text.
struct TaskKindOptions: ParsableArguments {
  @Option(
    help: """
      Kind of task: auto (decided by the data), classification, multi-label (any number of labels), \
      regression, token-classification, similarity (scores of pairs, by embeddings), retrieval \
      (pairs that belong together), language (running text), completion (of prompts) or chat \
      (conversations).
      """)
  var task = TaskKind.auto

  @Option(
    help: """
      For conversations: the format of turns, chatml, llama3 or qwen. (default: the model's, by \
      its chat_template or its special tokens)
      """)
  var chatTemplate: ChatTemplate.Name?

  @Option(
    help: """
      Maximum length of a text in tokens; for running text the length of a window. (default: what \
      95 % of the training rows need, but at least 128; for running text 256; no more than the \
      model's maximum; for a run the length it was trained with; for a model or adapter the \
      model's maximum)
      """)
  var maxLength: Int?

  @Option(
    help:
      "For running text: tokens from the start of one window to the next. (default: --max-length)")
  var stride: Int?
}

extension TaskKind: ExpressibleByArgument {}
extension ChatTemplate.Name: ExpressibleByArgument {}
