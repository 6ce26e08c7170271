import PEFTTensor
import Testing

/// Compares steps whose products with weights are in bfloat16 with the same steps in float32.
@Suite("Precision")
struct PrecisionTests {
  private let weight = Parameter(name: "weight", value: Self.map([70, 45], "weight"))
  private let bias = Parameter(name: "bias", value: OperationProblem.normal([70], "bias"))
  private let first = Parameter(name: "first", value: Self.map([45, 40], "first"))
  private let down = Parameter(name: "down", value: Self.map([4, 45], "down"))
  private let up = Parameter(name: "up", value: Self.map([70, 4], "up"))
  private let x = OperationProblem.normal([50, 40], "x")

  /// A matrix whose outputs have the same magnitude as its inputs.
  private static func map(_ shape: Shape, _ name: String) -> Tensor {
    let size = Float(shape.columns).squareRoot()
    return Tensor(OperationProblem.normal(shape, name).elements.map { $0 / size }, shape: shape)
  }

  private var parameters: [Parameter] { [weight, bias, first, down, up] }

  /// The loss over a chain of linear maps, and the gradients of the trainable parameters.
  private func step(
    _ precision: Precision, isLowRank: Bool = false
  ) -> (loss: Double, gradients: [Parameter: Tensor]) {
    let tape = Tape(precision: precision)
    let hidden = tape.activation(
      tape.linear(
        Variable(constant: x, partition: RowPartition(lengths: [20, 30])), weight: first),
      .gelu)
    let output =
      isLowRank
      ? tape.lowRankLinear(hidden, weight: weight, bias: bias, down: down, up: up, scale: 2)
      : tape.linear(hidden, weight: weight, bias: bias)
    let loss = tape.softmaxCrossEntropy(output, labels: (0..<50).map { $0 % 70 })
    let sink = GradientAccumulator(precision: precision)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
    return (
      loss.mean,
      Dictionary(uniqueKeysWithValues: parameters.compactMap { key in sink[key].map { (key, $0) } })
    )
  }

  private func error(_ value: Tensor, _ reference: Tensor) -> Double {
    var difference = value
    difference.add(reference, scaledBy: -1)
    return (difference.sumOfSquares / reference.sumOfSquares).squareRoot()
  }

  @Test("losses and gradients are close, but not equal", arguments: [false, true])
  func near(isLowRank: Bool) throws {
    let (exact, rounded) = (step(.fp32, isLowRank: isLowRank), step(.bf16, isLowRank: isLowRank))
    #expect(exact.loss != rounded.loss)
    #expect(abs(exact.loss - rounded.loss) < 2e-3 * exact.loss)
    #expect(exact.gradients.count == (isLowRank ? 5 : 3))
    for (parameter, gradient) in exact.gradients {
      let other = try #require(rounded.gradients[parameter])
      #expect(other.shape == gradient.shape)
      // A few roundings along the way, each of at most 2⁻⁹.
      #expect(error(other, gradient) < 1e-2, "\(parameter.name)")
    }
  }

  @Test("values kept in half the memory are close enough", arguments: [false, true])
  func attention(isJoint: Bool) throws {
    let scale = Parameter(name: "scale", value: OperationProblem.normal([40], "scale"))
    let shift = Parameter(name: "shift", value: OperationProblem.normal([40], "shift"))
    let joint = Parameter(name: "joint", value: Self.map([120, 40], "joint"))
    let biases = Parameter(name: "biases", value: OperationProblem.normal([9, 4], "biases"))
    let parameters = [scale, shift] + (isJoint ? [joint] : [biases])
    let results = Precision.allCases.map { precision in
      let tape = Tape(precision: precision)
      let normalized = tape.layerNorm(
        Variable(constant: x, partition: RowPartition(lengths: [20, 30])), scale: scale,
        shift: shift, epsilon: 1e-5)
      let attended =
        isJoint
        ? tape.attention(
          queriesKeysValues: tape.linear(normalized, weight: joint), heads: 4, isCausal: true)
        : tape.attention(
          queries: normalized, keys: normalized, values: tape.activation(normalized, .gelu),
          heads: 4, bias: RelativePositionBias(biases) { 4 + max(-4, min($0, 4)) })
      let loss = tape.softmaxCrossEntropy(attended, labels: (0..<50).map { $0 % 40 })
      let sink = GradientAccumulator(precision: precision)
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
      return sink
    }
    for parameter in parameters {
      let (exact, rounded) = (
        try #require(results[0][parameter]), try #require(results[1][parameter])
      )
      #expect(exact.elements != rounded.elements)
      #expect(error(rounded, exact) < 2e-2, "\(parameter.name)")
    }
  }

  @Test("a decoder layer in half the memory is close enough")
  func decoder() throws {
    let scale = Parameter(name: "scale", value: OperationProblem.normal([40], "scale"))
    let maps = [
      ("joint", Shape([80, 40])), ("gate", [40, 40]), ("up", [40, 40]), ("down", [9, 40]),
    ]
    .map { Parameter(name: $0, value: Self.map($1, $0)) }
    let rotary = RotaryTable(theta: 100, headWidth: 10, positionCount: 50)
    let results = Precision.allCases.map { precision in
      let tape = Tape(precision: precision)
      let normalized = tape.rmsNorm(
        Variable(constant: x, partition: RowPartition(lengths: [20, 30])), scale: scale,
        epsilon: 1e-5)
      let turned = tape.rotary(
        tape.linear(normalized, weight: maps[0]), rotary, positions: (0..<50).map { $0 })
      let attended = tape.attention(
        queriesKeysValues: turned, heads: 4, keyValueHeads: 2, isCausal: true)
      let gated = tape.product(
        tape.linear(attended, weight: maps[1], activation: .silu),
        tape.linear(attended, weight: maps[2]))
      let loss = tape.softmaxCrossEntropy(
        tape.linear(gated, weight: maps[3]), labels: (0..<50).map { $0 % 9 })
      let sink = GradientAccumulator(precision: precision)
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
      return sink
    }
    for parameter in maps + [scale] {
      let (exact, rounded) = (
        try #require(results[0][parameter]), try #require(results[1][parameter])
      )
      #expect(exact.elements != rounded.elements)
      #expect(error(rounded, exact) < 2e-2, "\(parameter.name)")
    }
  }

  @Test("factors with few bits lose nothing")
  func exact() {
    let small = Tensor((0..<45 * 70).map { Float($0 % 17) - 8 }, shape: [70, 45])
    let input = Tensor((0..<50 * 45).map { Float($0 % 13) / 4 - 1 }, shape: [50, 45])
    let parameter = Parameter(name: "small", value: small)
    let outputs = Precision.allCases.map {
      Tape(precision: $0).linear(
        Variable(constant: input, partition: RowPartition(lengths: [50])), weight: parameter
      ).value.elements
    }
    #expect(outputs[0] == outputs[1])
  }

  @Test("only the packed copies of frozen weights are kept")
  func keeping() {
    let parameters = [true, false].map {
      Parameter(name: "w", value: first.value, isTrainable: $0)
    }
    for parameter in parameters {
      _ = Tape(precision: .bf16).linear(
        Variable(constant: x, partition: RowPartition(lengths: [20, 30])), weight: parameter)
    }
    #expect(parameters[0].packedBytes == 0)
    #expect(parameters[1].packedBytes >= 2 * first.count)
    parameters[1].value.withUnsafeMutableElements { $0[0] = 0 }
    #expect(parameters[1].packedBytes == 0)
  }

  @Test("a frozen matrix that can be re-read is stored once, and no result changes")
  func heldOnce() throws {
    weight.trains = .none
    let (kept, exact) = (step(.bf16, isLowRank: true), step(.fp32, isLowRank: true))
    let (elements, shape) = (weight.value.elements, weight.shape)
    var reads = 0
    // A value that nothing else shares.
    weight.value = Tensor(elements, shape: shape)
    weight.origin = .floats { () throws(FileError) in
      reads += 1
      return Tensor(elements, shape: shape)
    }
    func check(_ found: (loss: Double, gradients: [Parameter: Tensor])) {
      #expect(found.loss == kept.loss && found.gradients.count == kept.gradients.count)
      for (parameter, gradient) in kept.gradients {
        #expect(found.gradients[parameter]?.isIdentical(to: gradient) == true, "\(parameter.name)")
      }
    }
    for _ in 0..<2 { check(step(.bf16, isLowRank: true)) }
    #expect(reads == 0 && weight.valueBytes == 0)
    // Two bytes an element, with panels filled up.
    #expect((2..<3).contains(Double(weight.packedBytes) / Double(elements.count)))
    #expect(weight.shape == shape && weight.count == elements.count)
    #expect(step(.fp32, isLowRank: true).loss == exact.loss)
    #expect(reads == 1 && weight.packedBytes == 0 && weight.valueBytes == 4 * elements.count)
    for _ in 0..<2 { check(step(.bf16, isLowRank: true)) }
    #expect(reads == 1 && weight.valueBytes == 0 && weight.value.elements == elements)

    // A shared value stays in memory until it is no longer shared.
    do {
      let other = weight.value
      check(step(.bf16, isLowRank: true))
      #expect(weight.valueBytes > 0 && weight.value.isIdentical(to: other))
    }
    check(step(.bf16, isLowRank: true))
    #expect(weight.valueBytes == 0 && reads == 2)
  }

  @Test("the one packed copy of a frozen matrix serves the gradient of the inputs, bit for bit")
  func transposedPacking() throws {
    let shapes: [Shape] = [[70, 45], [1, 33], [33, 1], [96, 64], [47, 50], [130, 97]]
    for shape in shapes {
      let matrix = Parameter(name: "matrix", value: Self.map(shape, "matrix"))
      let front = Parameter(name: "front", value: Self.map([shape.columns, 8], "front"))
      let upstream = OperationProblem.normal([40, shape.rows], "upstream")
      /// The gradient of the map that makes the matrix's inputs.
      func gradient() throws -> Tensor {
        let tape = Tape(precision: .bf16)
        let input = Variable(
          constant: OperationProblem.normal([40, 8], "inputs"),
          partition: RowPartition(lengths: [40]))
        let sink = GradientAccumulator(precision: .bf16)
        tape.pullBack(
          upstream, from: tape.linear(tape.linear(input, weight: front), weight: matrix), to: sink)
        return try #require(sink[front])
      }
      let packedForInputs = try gradient()
      matrix.trains = .none
      #expect(try gradient().isIdentical(to: packedForInputs), "\(shape)")
      #expect(matrix.packedBytes > 0)
    }
  }

  @Test("packed copies are freed only if they contain the value")
  func letGo() throws {
    weight.trains = .none
    let (elements, shape) = (weight.value.elements, weight.shape)
    let before = step(.bf16).loss
    weight.letPackedGo()
    #expect(weight.packedBytes > 0)
    weight.value = Tensor(elements, shape: shape)
    weight.origin = .floats { () throws(FileError) in Tensor(elements, shape: shape) }
    #expect(step(.bf16).loss == before && weight.valueBytes == 0)
    weight.letPackedGo()
    #expect(weight.packedBytes == 0 && weight.shape == shape)
    try weight.readAgain()
    #expect(weight.value.elements == elements && step(.bf16).loss == before)
  }

  @Test("a change of a matrix that was only packed keeps its other elements, and ends its origin")
  func changedOnce() {
    weight.trains = .none
    let (elements, shape) = (weight.value.elements, weight.shape)
    weight.value = Tensor(elements, shape: shape)
    weight.origin = .floats { () throws(FileError) in Tensor(elements, shape: shape) }
    let before = step(.bf16)
    #expect(weight.valueBytes == 0)
    weight.value.withUnsafeMutableElements { $0[0] += 1 }
    #expect(weight.value.elements[0] == elements[0] + 1 && weight.origin == nil)
    #expect(weight.value.elements.dropFirst() == elements.dropFirst())
    #expect(step(.bf16).loss != before.loss && weight.valueBytes > 0)
  }

  @Test("a failing origin reports its error, and the packed copies are kept")
  func lostOrigin() throws {
    first.trains = .none
    let error = FileError(.malformed, path: "x", reason: "changed")
    let before = step(.bf16)
    first.value = Tensor(first.value.elements, shape: first.shape)
    first.origin = .floats { () throws(FileError) in throw error }
    #expect(step(.bf16).loss == before.loss)
    #expect(throws: error) { try first.readAgain() }
    #expect(first.valueBytes == 0 && step(.bf16).loss == before.loss)
  }

  @Test("a weight that changes is packed again")
  func refreshes() throws {
    let before = step(.bf16)
    weight.value = Tensor(weight.value.elements.map { -$0 }, shape: weight.shape)
    let after = step(.bf16)
    #expect(before.loss != after.loss)
    #expect(abs(step(.fp32).loss - after.loss) < 2e-3 * after.loss)
    var optimizer = AdamW(parameters: [weight])
    let sink = GradientAccumulator(precision: .bf16)
    sink.receive(
      .dense(try #require(after.gradients[weight])), of: weight,
      partition: RowPartition(lengths: [50]))
    optimizer.step(gradients: sink, learningRate: 0.1, gradientScale: 1)
    let trained = step(.bf16)
    #expect(trained.loss != after.loss)
    #expect(abs(step(.fp32).loss - trained.loss) < 2e-3 * trained.loss)
  }

  @Test("a vocabulary's loss and gradients are close")
  func vocabulary() throws {
    let table = Parameter(name: "table", value: Self.map([90, 40], "table"))
    let results = Precision.allCases.map { precision in
      let tape = Tape(precision: precision)
      let hidden = tape.linear(
        Variable(constant: x, partition: RowPartition(lengths: [20, 30])), weight: first)
      let mapped = tape.linear(
        hidden, weight: Parameter(name: "back", value: first.value.transposed))
      let loss = tape.crossEntropy(
        mapped, VocabularyMap(table: table), labels: (0..<50).map { Int32($0) })
      let sink = GradientAccumulator(precision: precision)
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
      return (loss.mean, sink[table], sink[first])
    }
    #expect(results[0].0 != results[1].0)
    #expect(abs(results[0].0 - results[1].0) < 2e-3 * results[0].0)
    #expect(error(try #require(results[1].1), try #require(results[0].1)) < 1e-2)
    #expect(error(try #require(results[1].2), try #require(results[0].2)) < 1e-2)
  }
}
