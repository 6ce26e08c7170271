import PEFTTensor
import Testing

@Suite("Frozen parameters that want a gradient")
struct WantedGradientTests {
  @Test("the scale of a norm gets its gradient even if nothing else needs one")
  func norms() throws {
    let scale = Parameter(
      name: "scale", value: Tensor(repeating: 2, shape: [3]), isTrainable: false)
    let shift = Parameter(name: "shift", value: Tensor(zeros: [3]), isTrainable: false)
    let x = Variable(
      constant: Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), partition: RowPartition(examples: 2))
    #expect(!Tape().rmsNorm(x, scale: scale, epsilon: 0).needsGradient)
    scale.wantsWholeGradient = true
    let sizes = [(14.0 / 3).squareRoot(), (77.0 / 3).squareRoot()]
    let deviation = (2.0 / 3).squareRoot()
    let cases: [(norm: (Tape) -> Variable, expected: [Double])] = [
      (
        { $0.rmsNorm(x, scale: scale, epsilon: 0) },
        (1...3).map { Double($0) / sizes[0] + Double($0 + 3) / sizes[1] }
      ),
      (
        { $0.layerNorm(x, scale: scale, shift: shift, epsilon: 0) },
        [-2 / deviation, 0, 2 / deviation]
      ),
    ]
    for (norm, expected) in cases {
      let (tape, gradients) = (Tape(), GradientAccumulator())
      let y = norm(tape)
      try #require(y.needsGradient)
      tape.pullBack(Tensor(repeating: 1, shape: [2, 3]), from: y, to: gradients)
      let found = try #require(gradients[scale]).elements
      for (one, other) in zip(found, expected) { #expect(abs(Double(one) - other) < 1e-5) }
    }
  }

  @Test("position biases get their gradient even if nothing else needs one, in some rows alone too")
  func positionBiases() throws {
    let biases = Parameter(
      name: "biases", value: OperationProblem.normal([5, 2], "biases"), isTrainable: false)
    let x = Variable(
      constant: OperationProblem.normal([9, 6], "x"), partition: RowPartition(lengths: [4, 5]))
    func attended(_ tape: Tape) -> Variable {
      tape.attention(
        queries: x, keys: x, values: x, heads: 2,
        bias: RelativePositionBias(biases) { 2 + max(-2, min($0, 2)) })
    }
    func gradient() throws -> Tensor {
      let (tape, gradients) = (Tape(), GradientAccumulator())
      let y = attended(tape)
      try #require(y.needsGradient)
      tape.pullBack(OperationProblem.cotangent(of: y), from: y, to: gradients)
      return try #require(gradients[biases])
    }
    #expect(!attended(Tape()).needsGradient)
    biases.trains = .all
    let whole = try gradient()
    #expect(whole.shape == [5, 2] && whole.elements.allSatisfy { $0 != 0 })
    biases.trains = .rows([1, 4])
    let some = try gradient()
    #expect(some.elements == Array(whole.elements[2..<4] + whole.elements[8..<10]))
  }
}
