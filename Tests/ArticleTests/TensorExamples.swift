import PEFTTensor
import Testing

/// The examples of PEFTTensor's articles.
@Suite("Examples of PEFTTensor")
struct TensorExamples {
  @Test("tensors")
  func tensors() {
    var generator = SeededGenerator(seed: 7, purpose: "example")
    let x = Tensor(normal: [4, 3], standardDeviation: 1, using: &generator)
    var y = x  // shares the elements of x
    y.add(x, scaledBy: -0.5)  // takes a copy of its own, then writes
    let top = x.rows(0..<2)  // [2, 3], a view
    let error = y.relativeError(to: x)  // ‖y − x‖ / ‖x‖ = ½
    #expect(abs(error - 0.5) < 1e-6)
    #expect(top.shape == [2, 3] && top.elements == Array(x.elements.prefix(6)))

    let largest = x.withUnsafeElements { $0.map(abs).max() ?? 0 }
    y.withUnsafeMutableElements { elements in
      for index in elements.indices { elements[index] /= largest }
    }
    #expect(largest > 0 && y.elements.allSatisfy { abs($0) <= 0.5 })
  }

  @Test("tape and passes")
  func tape() {
    let weight = Parameter(name: "weight", value: Tensor([1, -2, 0.5], shape: [1, 3]))
    let inputs = Tensor([1, 0, 2, 0, 1, 1], shape: [2, 3])

    let tape = Tape()
    let x = Variable(constant: inputs, partition: RowPartition(examples: 2))
    let z = tape.linear(x, weight: weight)
    let loss = tape.meanSquaredError(z, targets: [1, 0])

    let direction = Tensor([1, 0, 0], shape: [1, 3])
    let slope = tape.tangent(of: loss.variable, along: [weight: direction]).scalar

    let gradients = GradientAccumulator()
    tape.pullBack(
      Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients, consuming: false)
    // gradients[weight] is [1, −1.5, 0.5]; its inner product with the direction is the slope, 1.
    #expect(gradients[weight]?.elements == [1, -1.5, 0.5])
    #expect(slope == 1)

    let derivatives = DerivativesByExample([weight: direction])
    tape.pullBack(Tensor(repeating: 1, shape: [2, 1]), from: z, to: derivatives)
    // derivatives.sums is [1, 0]: the derivative of each example's z.
    #expect(derivatives.sums == [1, 0])

    var optimizer = AdamW(parameters: [weight])
    let norm = gradients.globalNorm(of: [weight])
    optimizer.step(
      gradients: gradients, learningRate: 1e-2, gradientScale: clippingFactor(norm: norm, limit: 1))
    #expect(optimizer.stepCount == 1 && weight.value[0, 0] < 1)
  }

  @Test("operations")
  func operations() {
    var draws = SeededGenerator(seed: 1, purpose: "weights")
    func parameter(_ name: String, _ shape: Shape) -> Parameter {
      Parameter(
        name: name, value: Tensor(normal: shape, standardDeviation: 0.1, using: &draws))
    }
    let table = parameter("table", [10, 8])
    let joint = parameter("joint", [24, 8])
    let scale = Parameter(name: "scale", value: Tensor(repeating: 1, shape: [8]))
    let shift = Parameter(name: "shift", value: Tensor(zeros: [8]))
    let output = parameter("output", [2, 8])

    // Two sequences, of three tokens and of two.
    let tokens: [Int32] = [3, 1, 4, 1, 5]
    let tape = Tape()
    let x = tape.embeddingSum([(table, tokens)], partition: RowPartition(lengths: [3, 2]))
    let attended = tape.attention(queriesKeysValues: tape.linear(x, weight: joint), heads: 2)
    let y = tape.layerNorm(attended, residual: x, scale: scale, shift: shift, epsilon: 1e-5)
    let z = tape.linear(tape.pool(y, .mean), weight: output)  // [2, 2]
    let loss = tape.softmaxCrossEntropy(z, labels: [0, 1])
    #expect(z.value.shape == [2, 2] && loss.terms.count == 2 && loss.mean > 0)

    scale.trains = .none
    shift.trains = .none
    joint.trains = .none
    table.trains = .none
    let frozen = Tape()
    _ = frozen.linear(
      frozen.embeddingSum([(table, tokens)], partition: RowPartition(lengths: [3, 2])),
      weight: joint)
    #expect(frozen.operationCount == 0)
  }

  @Test("workers and precision")
  func workers() {
    var sums = [Double](repeating: 0, count: 8)
    let rows = Tensor(repeating: 0.5, shape: [8, 1000])
    sums.withUnsafeMutableBufferPointer { sums in
      WorkerPool.shared.run(sums.count) { row in  // each index writes its own element
        sums[row] = rows.rows(row..<row + 1).sums(by: .whole)[0]
      }
    }
    #expect(sums.allSatisfy { $0 == 500 })

    var draws = SeededGenerator(seed: 1, purpose: "weights")
    let weight = Parameter(
      name: "weight", value: Tensor(normal: [64, 256], standardDeviation: 1, using: &draws),
      isTrainable: false)
    let inputs = Tensor(normal: [32, 256], standardDeviation: 1, using: &draws)
    let x = Variable(constant: inputs, partition: RowPartition(examples: 32))
    let exact = Tape().linear(x, weight: weight).value
    let rounded = Tape(precision: .bf16).linear(x, weight: weight).value
    let error = rounded.relativeError(to: exact)  // about 0.002
    #expect(error > 1e-4 && error < 4e-3)
  }
}

/// Directional derivatives by example, without any gradient being formed.
final class DerivativesByExample: GradientSink {
  private let directions: [Parameter: Tensor]
  private(set) var sums: [Double] = []

  init(_ directions: [Parameter: Tensor]) { self.directions = directions }

  func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition
  ) {
    guard let direction = directions[parameter] else { return }
    let parts = gradient.contracted(with: direction, partition: partition)
    sums = sums.isEmpty ? parts : zip(sums, parts).map(+)
  }
}
