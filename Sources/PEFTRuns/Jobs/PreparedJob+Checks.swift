import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTTrain

extension TrainingInputs {
  /// How often each answer occurs in the training data.
  package var trainingTargets: TargetCounts? {
    train.targetCounts(
      classCount: task.classes?.count ?? 0, vocabularySize: configuration.vocabularySize)
  }

  /// The data of the splits that are evaluated: `dev` and `test`, as far as they are given.
  package var splits: [(name: String, data: EncodedDataset)] {
    [("dev", dev), ("test", test)].compactMap { name, data in data.map { (name, $0) } }
  }

  /// The scores on every split of answers that read no text, made from the counts `training`.
  package func baselines(
    from training: TargetCounts?
  ) -> [(split: String, baseline: Baseline)] {
    splits.compactMap { name, data in
      task.baseline(
        on: data, from: training, maskingWith: TransformerModel.evaluationMasks,
        vocabularySize: configuration.vocabularySize
      ).map { (name, $0) }
    }
  }
}

extension PreparedJob {
  /// What `metrics` by split are judged by.
  ///
  /// - Parameter answers: the answers to the rows of the test data, if they were evaluated. Without
  ///   test data, the dev data are evaluated once more for their answers.
  func checks(
    of metrics: [(split: String, values: [(name: String, value: Double)])], answers: [Double]
  ) -> ScoreChecks {
    var checks = ScoreChecks()
    checks.trainingTargets = inputs.trainingTargets
    checks.baselines = inputs.baselines(from: checks.trainingTargets).filter { item in
      metrics.contains { $0.split == item.split }
    }
    if let (split, data) = inputs.splits.last, task.classes != nil,
      metrics.contains(where: { $0.split == split })
    {
      let answers = split == "test" ? answers : model.evaluate(data, task: task).answers
      checks.confusion = ConfusionMatrix(answers, of: data, for: task).map { (split, $0) }
    }
    for (split, data) in inputs.splits {
      guard let values = metrics.first(where: { $0.split == split })?.values else { continue }
      checks.warnings += task.warnings(
        about: values, on: data, split: split, baseline: checks.baseline(on: split),
        answers: checks.confusion.flatMap { $0.split == split ? $0.matrix : nil })
    }
    return checks
  }
}

extension ConfusionMatrix {
  /// The matrix of `answers` to the rows of `data`; nil unless `task` has classes and every row has
  /// an answer.
  public init?(_ answers: [Double], of data: EncodedDataset, for task: any PredictionTask) {
    guard let classes = task.classes, case .classes(let labels)? = data.targets?.kind,
      answers.count == labels.count * task.answerCount, !labels.isEmpty
    else { return nil }
    self.init(
      answers: stride(from: 0, to: answers.count, by: task.answerCount).map { Int(answers[$0]) },
      labels: labels, classCount: classes.count)
  }
}
