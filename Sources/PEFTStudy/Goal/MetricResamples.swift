import PEFTData
import PEFTNetwork
import PEFTTensor

/// The primary metric of a model's answers on data, and on resamples of the data's examples, which
/// are chosen with replacement (Efron's bootstrap). All models get the same resamples, so that they
/// can be compared pair by pair.
///
/// An example of several rows, such as the words of a sentence, stays whole.
package struct MetricResamples {
  /// The number of resamples.
  package static let count = 1000

  private let task: any PredictionTask
  private let targets: Targets
  private let seed: UInt64

  /// Resamples of `targets`, which `seed` determines.
  package init(_ targets: Targets, task: any PredictionTask, seed: UInt64) {
    (self.targets, self.task, self.seed) = (targets, task, seed)
  }

  /// The metric of the answers to all rows, and to the rows of each resample.
  ///
  /// Cost: `count` times that of the metric.
  package func scores(of answers: [Double]) -> (whole: Double, resampled: [Double]) {
    var generator = SeededGenerator(seed: seed, purpose: "goal")
    let resampled = (0..<Self.count).map { _ in
      let examples = (0..<targets.count).map { _ in
        Int(generator.uniform() * Double(targets.count))
      }
      let width = task.answerCount
      return score(
        examples.flatMap { example in
          let rows = targets.partition[example]
          return answers[rows.lowerBound * width..<rows.upperBound * width]
        }, targets.selected(examples))
    }
    return (score(answers, targets), resampled)
  }

  /// The metric; 0, no skill, if it is not a finite number.
  private func score(_ answers: [Double], _ targets: Targets) -> Double {
    let score = task.primaryMetric.score(
      task.metrics(of: answers, targets: targets, loss: 0, terms: answers.count))
    return score.isFinite ? score : 0
  }

  /// The range that eight of ten values fall into. Nine of ten are not below its lower end.
  package static func range(of values: [Double]) -> ClosedRange<Double> {
    let sorted = values.sorted()
    let tail = sorted.count / 10
    return sorted[tail]...sorted[sorted.count - 1 - tail]
  }
}
