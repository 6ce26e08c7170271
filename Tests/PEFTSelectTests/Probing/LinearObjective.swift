import PEFTNetwork
import PEFTSelect
import PEFTTensor

/// A linear model z = W x + b under squared error. Its loss is quadratic in its parameters, so
/// slope and curvature along any direction are known in closed form, and the Gauss–Newton matrix is
/// the Hessian.
struct LinearObjective: Objective {
  struct Batch {
    let inputs: [[Double]]
    let values: [Double]
  }

  let weight: Parameter
  let bias: Parameter

  init(weights: [Double], bias: Double) {
    weight = Parameter(
      name: "weight", value: Tensor(weights.map(Float.init), shape: [1, weights.count]))
    self.bias = Parameter(name: "bias", value: Tensor([Float(bias)], shape: [1]))
  }

  var parameters: [ModelParameter] {
    [
      ModelParameter(
        weight, kind: .feedForward, place: "layer.0", layer: 0, role: "weight", stage: 0),
      ModelParameter(bias, kind: .bias, place: "layer.0", layer: 0, role: "bias", stage: 0),
    ]
  }

  var stageCount: Int { 1 }

  func stage(_ index: Int, _ input: Variable?, of batch: Batch, on tape: Tape) -> Variable {
    let x = Tensor(
      batch.inputs.flatMap { $0.map(Float.init) },
      shape: [batch.inputs.count, weight.shape.columns])
    return tape.linear(
      Variable(constant: x, partition: RowPartition(examples: batch.inputs.count)),
      weight: weight, bias: bias)
  }

  func targets(of batch: Batch) -> Targets { .values(batch.values) }

  /// A batch sampled from y = 2 x₀ − x₁ + ½ x₂ + noise.
  static func batch(_ count: Int, using generator: inout SeededGenerator) -> Batch {
    let inputs = (0..<count).map { _ in (0..<3).map { _ in generator.normal() } }
    let values = inputs.map { 2 * $0[0] - $0[1] + 0.5 * $0[2] + 0.3 * generator.normal() }
    return Batch(inputs: inputs, values: values)
  }

  /// b and a of a group that moves along these components of the direction.
  func exact(_ batch: Batch, weights: [Double], bias: Double) -> (slope: Double, curvature: Double)
  {
    let w = self.weight.value.elements.map(Double.init)
    let b = Double(self.bias.value.elements[0])
    var (slope, curvature) = (0.0, 0.0)
    for (x, y) in zip(batch.inputs, batch.values) {
      let residual = zip(w, x).reduce(b) { $0 + $1.0 * $1.1 } - y
      let tangent = zip(weights, x).reduce(bias) { $0 + $1.0 * $1.1 }
      slope += 2 * residual * tangent
      curvature += 2 * tangent * tangent
    }
    return (slope / Double(batch.values.count), curvature / Double(batch.values.count))
  }
}
