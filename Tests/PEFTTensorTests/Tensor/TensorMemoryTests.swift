import PEFTTensor
import Testing

/// The counters belong to the process, so each test runs in a separate process.
@Suite("Tensor memory")
struct TensorMemoryTests {
  @Test("a training step reuses the memory of the previous step")
  func trainingAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      let network = SmallNetwork()
      var optimizer = AdamW(parameters: network.parameters)
      let sink = GradientAccumulator()
      for step in 0..<2 { network.train(&optimizer, sink, step: step) }
      let warm = TensorMemory.current
      for step in 2..<30 { network.train(&optimizer, sink, step: step) }
      let end = TensorMemory.current
      #expect(end == warm, "\(end), after the warm-up \(warm)")
    }
  }

  @Test("a training step of a decoder reuses the memory of the previous step")
  func decoderAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      let decoder = SmallDecoder()
      let sink = GradientAccumulator()
      var optimizer = AdamW(parameters: decoder.parameters)
      func train() {
        let tape = Tape()
        let loss = decoder.loss(tape)
        sink.reset()
        tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
        optimizer.step(gradients: sink, learningRate: 1e-3, gradientScale: 1)
      }
      // A small request may take a larger buffer, so it takes some steps until every request has
      // one.
      for _ in 0..<4 { train() }
      let warm = TensorMemory.current
      for _ in 0..<20 { train() }
      let end = TensorMemory.current
      #expect(end == warm, "\(end), after the warm-up \(warm)")
    }
  }

  @Test("a gated block keeps its two halves, and recomputes the rest")
  func gatedBlock() async {
    await #expect(processExitsWith: .success) {
      let (rows, wide) = (2000, 96)
      let x = Variable(
        constant: OperationProblem.normal([rows, 4], "x"), partition: RowPartition(examples: rows))
      let maps = [Shape([wide, 4]), [wide, 4], [4, wide]].enumerated().map {
        Parameter(name: "map \($0)", value: OperationProblem.normal($1, "map \($0)"))
      }
      for precision in Precision.allCases {
        let before = TensorMemory.current.bytesInUse
        let tape = Tape(precision: precision)
        func record() {
          let gate = tape.linear(x, weight: maps[0], activation: .silu)
          let product = tape.product(gate, tape.linear(x, weight: maps[1]))
          _ = tape.linear(product, weight: maps[2])
        }
        record()
        let bytes = withExtendedLifetime(tape) { TensorMemory.current.bytesInUse - before }
        let half = (precision == .bf16 ? 2 : 4) * rows * wide
        #expect(bytes >= 2 * half && bytes < 2 * half * 5 / 4, "\(precision): \(bytes)")
      }
    }
  }

  @Test("batches of other lengths share the memory of the longest")
  func varyingLengths() async {
    await #expect(processExitsWith: .success) {
      let lengths = (0..<24).map { index in [1, 7, 11].map { 1 + $0 * (index + 3) % 41 } }
      let network = SmallNetwork()
      var optimizer = AdamW(parameters: network.parameters)
      let sink = GradientAccumulator()
      var allocations: [Int] = []
      for epoch in 0..<4 {
        var order = SeededGenerator(seed: 2, purpose: "order").split(epoch)
        for step in order.permutation(lengths.count) {
          network.train(&optimizer, sink, lengths: lengths[step], step: step)
        }
        allocations.append(TensorMemory.current.allocations)
      }
      #expect(Set(allocations.dropFirst()).count == 1, "\(allocations)")
    }
  }

  @Test("a tape that is released, before or after its passes, frees its memory")
  func tapesGiveBack() async {
    await #expect(processExitsWith: .success) {
      let network = SmallNetwork()
      let before = TensorMemory.current.bytesInUse
      for consuming in [true, false] {
        let tape = Tape()
        let loss = network.loss(tape)
        let during = TensorMemory.current.bytesInUse
        let one = Tensor(repeating: 1, shape: [1])
        tape.pullBack(
          one, from: loss.variable, to: GradientAccumulator(), consuming: consuming)
        #expect(during > before)
        if consuming { #expect(TensorMemory.current.bytesInUse < during) }
      }
      _ = network.loss(Tape())
      #expect(TensorMemory.current.bytesInUse == before)
    }
  }

  @Test("a tape in bf16 keeps activations in half of the memory")
  func halves() async {
    await #expect(processExitsWith: .success) {
      let bytes = Precision.allCases.map { precision in
        let x = OperationProblem.normal([2000, 96], "x")
        let scale = Parameter(name: "scale", value: Tensor(repeating: 1, shape: [96]))
        let shift = Parameter(name: "shift", value: Tensor(zeros: [96]))
        let before = TensorMemory.current.bytesInUse
        let tape = Tape(precision: precision)
        func record() {
          let normalized = tape.layerNorm(
            Variable(constant: x, partition: RowPartition(lengths: [1500, 500])), scale: scale,
            shift: shift, epsilon: 1e-5)
          let hidden = tape.activation(normalized, .gelu)
          _ = tape.attention(queriesKeysValues: hidden, heads: 4)
        }
        record()
        return withExtendedLifetime(tape) { TensorMemory.current.bytesInUse - before }
      }
      // The norm, the activation and attention each keep one tensor.
      #expect(bytes[0] >= 3 * 4 * 2000 * 96)
      #expect(bytes[1] <= bytes[0] * 6 / 10)
      #expect(bytes[1] >= 3 * 2 * 2000 * 96)
    }
  }

  @Test("a parameter's value changes in place")
  func changeInPlace() async {
    await #expect(processExitsWith: .success) {
      let parameter = Parameter(name: "p", value: Tensor(zeros: [500, 500]))
      let before = TensorMemory.current.peakBytesInUse
      parameter.value.withUnsafeMutableElements { $0[7] = 1 }
      #expect(TensorMemory.current.peakBytesInUse - before < 4 * 500 * 500)
      #expect(parameter.value.sumOfSquares == 1)
    }
  }

  @Test("buffers are counted, kept, reused and released")
  func counters() async {
    await #expect(processExitsWith: .success) {
      let start = TensorMemory.current
      for _ in 0..<3 {
        let tensor = Tensor(zeros: [1000])
        let held = TensorMemory.current
        #expect(held.allocations == start.allocations + 1)
        #expect(held.bytesInUse - start.bytesInUse >= 4 * tensor.count)
        // With eight sizes per octave, at most an eighth is wasted.
        #expect(held.bytesInUse - start.bytesInUse <= 4 * tensor.count * 9 / 8)
      }
      let free = TensorMemory.current
      #expect(free.bytesInUse == start.bytesInUse)
      #expect(free.bytesInPool > start.bytesInPool)
      TensorMemory.releaseUnused()
      #expect(TensorMemory.current.bytesInPool == 0)
      let again = Tensor(zeros: [1000])
      #expect(TensorMemory.current.allocations == start.allocations + 2)
      #expect(again.sumOfSquares == 0)
    }
  }

  @Test("a product is added in place")
  func additionInPlace() async {
    await #expect(processExitsWith: .success) {
      var sum = Tensor(repeating: 1, shape: [301, 301])
      let (column, row) = (Tensor(repeating: 2, shape: [301, 1]), Tensor(zeros: [1, 301]))
      let before = TensorMemory.current.peakBytesInUse
      sum.addProduct(of: column, row, scale: 1)
      #expect(TensorMemory.current.peakBytesInUse - before < 4 * 301 * 301)
    }
  }

  @Test("a buffer of any size holds its elements, aligned", arguments: [0...300, 1000...1100])
  func sizes(counts: ClosedRange<Int>) {
    for count in Array(counts) + counts.map({ 1000 * $0 }).suffix(8) {
      let tensor = Tensor(repeating: 1, shape: [count])
      #expect(tensor.sumOfSquares == Double(count))
      let address = tensor.withUnsafeElements { Int(bitPattern: $0.baseAddress) }
      #expect(address % 64 == 0)
    }
  }
}

/// Two layers with attention, dropout and every kind of parameter.
private struct SmallNetwork {
  let table = Self.parameter("table", [13, 12])
  let first = Self.parameter("first", [21, 12])
  let bias = Self.parameter("bias", [21])
  let scale = Self.parameter("scale", [21])
  let shift = Self.parameter("shift", [21])
  let down = Self.parameter("down", [2, 21])
  let up = Self.parameter("up", [3, 2])
  let second = Self.parameter("second", [3, 21])
  let magnitude = Self.parameter("magnitude", [3])

  var parameters: [Parameter] {
    [table, first, bias, scale, shift, down, up, second, magnitude]
  }

  func loss(_ tape: Tape, lengths: [Int] = [5, 1, 17]) -> Loss {
    let partition = RowPartition(lengths: lengths)
    let rows = (0..<partition.rowCount).map { Int32(5 * $0 % 13) }
    let x = tape.embeddingSum([(table: table, rows: rows)], partition: partition)
    let hidden = tape.activation(tape.linear(x, weight: first, bias: bias), .gelu)
    let attended = tape.attention(
      queries: hidden, keys: hidden, values: hidden, heads: 3, dropout: 0.1)
    let normalized = tape.layerNorm(
      tape.dropout(attended, probability: 0.1), residual: hidden, scale: scale, shift: shift,
      epsilon: 1e-5)
    let outputs = tape.lowRankLinear(
      normalized, weight: second, bias: nil, down: down, up: up, scale: 2, dropout: 0.1)
    let norms = second.rowNorms(adding: up.value, down.value, scale: 2, precision: .fp32)
    let scaled = tape.scaledColumns(outputs, by: magnitude, over: norms)
    return tape.softmaxCrossEntropy(tape.pool(scaled, .mean), labels: [0, 2, 1])
  }

  func train(
    _ optimizer: inout AdamW, _ sink: GradientAccumulator, lengths: [Int] = [5, 1, 17], step: Int
  ) {
    let tape = Tape(dropout: SeededGenerator(seed: 3, purpose: "dropout").split(step))
    let loss = loss(tape, lengths: lengths)
    sink.reset()
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
    let norm = sink.globalNorm(of: parameters)
    optimizer.step(
      gradients: sink, learningRate: 1e-3, gradientScale: clippingFactor(norm: norm, limit: 1))
  }

  private static func parameter(_ name: String, _ shape: Shape) -> Parameter {
    Parameter(name: name, value: OperationProblem.normal(shape, name))
  }
}

/// A layer like Llama's, with two query heads that share one head of keys and values.
private struct SmallDecoder {
  let table = Self.parameter("table", [13, 12])
  let norms = ["first", "second"].map { Self.parameter($0, [12]) }
  let query = Self.parameter("query", [24, 12])
  let shared = ["key", "value"].map { Self.parameter($0, [12, 12]) }
  let context = Self.parameter("context", [12, 24])
  let halves = ["gate", "up"].map { Self.parameter($0, [20, 12]) }
  let down = Self.parameter("down", [12, 20])
  let rotary = RotaryTable(theta: 100, headWidth: 6, positionCount: 17)

  var parameters: [Parameter] { [table, query, context, down] + norms + shared + halves }

  func loss(_ tape: Tape) -> Loss {
    let partition = RowPartition(lengths: [5, 1, 17])
    let positions = (0..<3).flatMap { (0..<Int32(partition[$0].count)) }
    let rows = (0..<partition.rowCount).map { Int32(5 * $0 % 13) }
    let x = tape.embeddingSum([(table: table, rows: rows)], partition: partition)
    let normalized = tape.rmsNorm(x, scale: norms[0], epsilon: 1e-5)
    let attended = tape.attention(
      queries: tape.rotary(
        tape.linear(normalized, weight: query), rotary, positions: positions),
      keys: tape.rotary(
        tape.linear(normalized, weight: shared[0]), rotary, positions: positions),
      values: tape.linear(normalized, weight: shared[1]), heads: 4, keyValueHeads: 2,
      isCausal: true)
    let middle = tape.add(x, tape.linear(attended, weight: context))
    let inner = tape.rmsNorm(middle, scale: norms[1], epsilon: 1e-5)
    let gated = tape.product(
      tape.linear(inner, weight: halves[0], activation: .silu),
      tape.linear(inner, weight: halves[1]))
    let outputs = tape.add(middle, tape.linear(gated, weight: down))
    return tape.softmaxCrossEntropy(tape.pool(outputs, .last), labels: [0, 2, 1])
  }

  private static func parameter(_ name: String, _ shape: Shape) -> Parameter {
    Parameter(name: name, value: OperationProblem.normal(shape, name))
  }
}
