import ArgumentParser
import PEFTTrain

/// What data are there for, and how texts are cut.
struct TaskKindOptions: ParsableArguments {
  @Option(
    help: """
      What is to be predicted: auto, classification, regression, language (running text) or completion \
      (a prompt's completion).
      """)
  var task = TaskKind.auto

  @Option(
    help: """
      Longest text in tokens; of running text the length of a window. (default: 128, for running text \
      256, or what the model takes; of a run its own, of a model or adapter what the model takes)
      """)
  var maxLength: Int?

  @Option(help: "Running text: tokens from one window to the next. (default: --max-length)")
  var stride: Int?
}

extension TaskKind: ExpressibleByArgument {}
