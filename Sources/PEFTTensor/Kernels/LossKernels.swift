import Foundation

/// Losses and their gradients for each example, in Double.
enum LossKernels {
  /// The loss of each example and the gradient of the mean loss, (a p − τ) / B; see `LossShape`.
  static func softmaxCrossEntropy(
    _ logits: Tensor, labels: [Int], shape: LossShape
  ) -> (losses: [Double], gradient: Tensor) {
    var losses: [Double] = []
    let gradient = Tensor(writing: logits.shape) { gradient in
      losses = softmaxCrossEntropy(logits, labels: labels, shape: shape, writing: gradient)
    }
    return (losses, gradient)
  }

  /// The loss of each example. If `gradient` is not nil, it has room for [B, C] elements and
  /// receives the gradient.
  static func softmaxCrossEntropy(
    _ logits: Tensor, labels: [Int], shape: LossShape,
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
        let label = labels[example]
        let derivatives = shape.derivatives(
          label: label, count: classes, logProbability: Double(row[label]) - logSum)
        var loss = 0.0
        for (index, logit) in row.enumerated() {
          let logProbability = Double(logit) - logSum
          if shape.focusing == 0 {
            let target = shape.target(index, label: label, count: classes)
            if target > 0 { loss -= target * logProbability }
          } else if index == label {
            loss -=
              shape.weight(of: label) * pow(-expm1(logProbability), shape.focusing)
              * logProbability
          }
          let target = shape.gradientTarget(
            index, label: label, count: classes, derivatives)
          gradient?[example * classes + index] = Float(
            (derivatives.scale * exp(logProbability) - target) / Double(examples))
        }
        losses.append(loss)
      }
    }
    return losses
  }

  /// The loss of each example, the mean over its C labels of their binary cross entropies, and the
  /// gradient of the mean loss, (σ(z) − t) / (B C).
  static func sigmoidCrossEntropy(
    _ logits: Tensor, labels: [[Int]], smoothing: Double
  ) -> (losses: [Double], gradient: Tensor) {
    let (examples, classes) = (logits.shape.rows, logits.shape.columns)
    var losses: [Double] = []
    losses.reserveCapacity(examples)
    let gradient = Tensor(writing: logits.shape) { gradient in
      withElements(of: logits) { logits in
        for example in 0..<examples {
          var loss = 0.0
          let present = Set(labels[example])
          for index in 0..<classes {
            let place = example * classes + index
            let logit = Double(logits[place])
            let target = (present.contains(index) ? 1 - smoothing : 0) + smoothing / 2
            loss += max(logit, 0) - target * logit + log1p(exp(-abs(logit)))
            gradient[place] = Float(
              (1 / (1 + exp(-logit)) - target) / Double(examples * classes))
          }
          losses.append(loss / Double(classes))
        }
      }
    }
    return (losses, gradient)
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
