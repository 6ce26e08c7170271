/// The agreement of predicted classes with true classes, by the definitions of scikit-learn.
///
/// With TP, FP and FN of a class, F1 = 2 TP / (2 TP + FP + FN), and 0 if the denominator is 0. The
/// Matthews coefficient is Gorodkin's R_K: with n examples, c of them correct, and t_k and p_k the
/// numbers of true and predicted members of class k,
///
///     (c n − Σ t_k p_k) / √((n² − Σ p_k²) (n² − Σ t_k²)),
///
/// and 0 if all predictions or all labels are of one class.
public struct ClassificationMetrics: Hashable, Sendable {
  /// The fraction of correct predictions.
  public let accuracy: Double
  /// F1 of class 1, the positive one; nil unless there are exactly two classes.
  public let f1: Double?
  /// The unweighted mean of F1 over the classes that occur among the labels or the predictions.
  public let macroF1: Double
  /// The Matthews correlation coefficient, from -1 to 1.
  public let matthews: Double
  /// The expected calibration error; nil without probabilities.
  public let calibrationError: Double?
  /// The mean loss that was passed in.
  public let loss: Double?

  /// Compares `predictions` with `labels`, both of length n > 0 with classes in 0..<classCount;
  /// `loss` is stored. O(n + classCount).
  ///
  /// - Parameter probabilities: that of each prediction; nil if they are not known.
  public init(
    predictions: [Int], labels: [Int], classCount: Int, probabilities: [Double]? = nil,
    loss: Double? = nil
  ) {
    precondition(
      predictions.count == labels.count && !labels.isEmpty,
      "ClassificationMetrics: \(predictions.count) predictions, \(labels.count) labels")
    var correct = [Int](repeating: 0, count: classCount)
    var predicted = correct
    var actual = correct
    for (prediction, label) in zip(predictions, labels) {
      precondition(
        (0..<classCount).contains(prediction) && (0..<classCount).contains(label),
        "ClassificationMetrics: classes \(prediction) and \(label) of \(classCount)")
      predicted[prediction] += 1
      actual[label] += 1
      if prediction == label { correct[label] += 1 }
    }
    let count = Double(labels.count)
    let right = Double(correct.reduce(0, +))

    let scores = (0..<classCount).compactMap { index -> Double? in
      let members = predicted[index] + actual[index]
      return members == 0 ? nil : 2 * Double(correct[index]) / Double(members)
    }
    let agreement = zip(actual, predicted).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let spread = { (sizes: [Int]) in
      count * count - sizes.reduce(0) { $0 + Double($1) * Double($1) }
    }
    let denominator = spread(predicted) * spread(actual)

    accuracy = right / count
    f1 =
      classCount == 2
      ? (predicted[1] + actual[1] == 0
        ? 0 : 2 * Double(correct[1]) / Double(predicted[1] + actual[1])) : nil
    macroF1 = scores.reduce(0, +) / Double(scores.count)
    matthews = denominator == 0 ? 0 : (right * count - agreement) / denominator.squareRoot()
    calibrationError = probabilities.flatMap {
      Calibration.expectedError(
        probabilities: $0, isRight: zip(predictions, labels).map { $0 == $1 })
    }
    self.loss = loss
  }

  /// The metrics by name in a fixed order: accuracy, f1 (for two classes), macroF1, matthews, ece
  /// (with probabilities), loss.
  public var values: [(name: String, value: Double)] {
    let all: [(name: String, value: Double?)] = [
      ("accuracy", accuracy), ("f1", f1), ("macroF1", macroF1), ("matthews", matthews),
      ("ece", calibrationError), ("loss", loss),
    ]
    return all.compactMap { entry in entry.value.map { (entry.name, $0) } }
  }
}
