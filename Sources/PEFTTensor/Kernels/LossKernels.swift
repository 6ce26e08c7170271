import Foundation

/// Losses and their gradients for each example, in Double.
enum LossKernels {
  /// The loss of each example and the gradient of the mean loss, (p − t) / B.
  static func softmaxCrossEntropy(
    _ logits: Tensor, labels: [Int], smoothing: Double
  ) -> (losses: [Double], gradient: Tensor) {
    var losses: [Double] = []
    let gradient = Tensor(writing: logits.shape) { gradient in
      losses = softmaxCrossEntropy(
        logits, labels: labels, smoothing: smoothing, writing: gradient)
    }
    return (losses, gradient)
  }

  /// The loss of each example. If `gradient` is not nil, it has room for [B, C] elements and
  /// receives the gradient.
  static func softmaxCrossEntropy(
    _ logits: Tensor, labels: [Int], smoothing: Double,
    writing gradient: UnsafeMutablePointer<Float>?
  ) -> [Double] {
    let (examples, classes) = (logits.shape.rows, logits.shape.columns)
    var losses: [Double] = []
    losses.reserveCapacity(examples)
    withElements(of: logits) { logits in
      for example in 0..<examples {
        let row = UnsafeBufferPointer(start: logits + example * classes, count: classes)
        let largest = row.reduce(-Double.infinity) { max($0, Double($1)) }
        let sum = row.reduce(0) { $0 + exp(Double($1) - largest) }
        let logSum = largest + log(sum)
        var loss = 0.0
        for (index, logit) in row.enumerated() {
          let logProbability = Double(logit) - logSum
          let target =
            smoothing / Double(classes) + (index == labels[example] ? 1 - smoothing : 0)
          if target > 0 { loss -= target * logProbability }
          gradient?[example * classes + index] = Float(
            (exp(logProbability) - target) / Double(examples))
        }
        losses.append(loss)
      }
    }
    return losses
  }

  /// The squared error of each example and the gradient of the mean, 2 (z − t) / B.
  static func meanSquaredError(
    _ predictions: Tensor, targets: [Double]
  ) -> (losses: [Double], gradient: Tensor) {
    let differences = zip(predictions.elements, targets).map { Double($0) - $1 }
    let gradient = differences.map { Float(2 * $0 / Double(max(targets.count, 1))) }
    return (differences.map { $0 * $0 }, Tensor(gradient, shape: predictions.shape))
  }
}
