import Glibc
import PEFTTensor
import Testing

/// The shared pool belongs to the process, so each test runs in a separate process.
@Suite("Worker counts")
struct WorkerCountTests {
  @Test("row by row operations and losses give the same bits for any number of workers")
  func sameBits() async {
    await #expect(processExitsWith: .success) {
      let expected = WideComputation.rowwise(workers: 1)
      #expect(expected.count == 15)
      for workers in [2, 3, 3, 5] {
        let tensors = WideComputation.rowwise(workers: workers)
        for (index, (tensor, reference)) in zip(tensors, expected).enumerated() {
          #expect(tensor.isIdentical(to: reference), "result \(index), \(workers) workers")
        }
      }
    }
  }

  @Test(
    "grouped queries, rotary positions and products give the same bits for any number of workers")
  func decoder() async {
    await #expect(processExitsWith: .success) {
      let expected = WideComputation.decoder(workers: 1)
      #expect(expected.count == 7)
      for workers in [2, 3, 3, 5] {
        let tensors = WideComputation.decoder(workers: workers)
        for (index, (tensor, reference)) in zip(tensors, expected).enumerated() {
          #expect(tensor.isIdentical(to: reference), "result \(index), \(workers) workers")
        }
      }
    }
  }

  /// The instruction sets of this processor. Those whose products come from BLAS are left out where
  /// BLAS has kernels for AVX-512: it chooses one for small products by the size of a part.
  private static let instructionSets = VectorKernels.supported.filter {
    VectorKernels($0)?.multipliesFast == true
      || !["SkylakeX", "Cooperlake", "SapphireRapids"].contains(Processor.blasCoreName)
  }.map(\.rawValue)

  @Test(
    "matrix products give the same bits for any number of workers",
    arguments: instructionSets, [Precision.fp32, .bf16])
  func products(instructionSet: String, precision: Precision) async {
    await #expect(processExitsWith: .success) {
      [instructionSet = instructionSet as String, name = precision.rawValue as String] in
      let precision = try #require(Precision(rawValue: name))
      setenv("PEFT_ISA", instructionSet, 1)
      let expected = WideComputation.products(workers: 1, precision: precision)
      #expect(expected.count == 16)
      for workers in [1, 2, 3, 5, 16] {
        let tensors = WideComputation.products(workers: workers, precision: precision)
        for (index, tensor) in tensors.enumerated() {
          #expect(tensor.isIdentical(to: expected[index]), "result \(index), \(workers) workers")
        }
      }
    }
  }
}

/// Computations large enough to be split over three workers.
private enum WideComputation {
  static let partition = RowPartition(lengths: [40, 1, 130, 7, 64, 88])
  static let width = 301

  /// A value and gradients that do not depend on a split product.
  static func rowwise(workers: Int) -> [Tensor] {
    WorkerPool.useWorkers(workers)
    let tables = [parameter("table", [97, width]), parameter("positions", [130, width])]
    let scale = parameter("scale", [width])
    let shift = parameter("shift", [width])
    let tape = Tape(dropout: OperationCase.dropout)
    let rows = [97, 130].map { size in (0..<partition.rowCount).map { Int32(31 * $0 % size) } }
    let x = tape.embeddingSum(
      zip(tables, rows).map { (table: $0, rows: $1) }, partition: partition)
    var y = tape.dropout(x, probability: 0.2)
    for activation in Activation.allCases { y = tape.activation(y, activation) }
    let normalized = tape.layerNorm(y, residual: x, scale: scale, shift: shift, epsilon: 1e-5)
    let biases = parameter("biases", [21, 7])
    let attended = tape.attention(
      queries: normalized, keys: y, values: normalized, heads: 7,
      bias: RelativePositionBias(biases) { 10 + max(-10, min($0, 10)) }, dropout: 0.1)
    let loss = tape.softmaxCrossEntropy(
      tape.pool(attended, .mean), labels: Array(0..<partition.exampleCount))
    let sink = GradientAccumulator()
    tape.pullBack(
      Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink, consuming: false)
    let parameters = tables + [scale, shift, biases]
    let gradients = parameters.compactMap { sink[$0] }
    let directions = Dictionary(uniqueKeysWithValues: zip(parameters, gradients))
    let norm = sink.globalNorm(of: parameters)
    var optimizer = AdamW(parameters: parameters)
    optimizer.step(gradients: sink, learningRate: 0.1, gradientScale: 1)
    var sum = attended.value
    sum.add(normalized.value, scaledBy: 0.3)
    return [
      attended.value, sum, tape.tangent(of: attended, along: directions), loss.variable.value,
      Tensor([Float(norm), Float(sum.dot(attended.value))], shape: [2]),
    ] + gradients + parameters.map(\.value)
  }

  /// A value, a tangent and gradients of the operations for decoders, without a split product.
  static func decoder(workers: Int) -> [Tensor] {
    WorkerPool.useWorkers(workers)
    let (heads, shared, depth) = (9, 3, 34)
    let tables = [heads, shared, shared].enumerated().map {
      parameter("table \($0)", [97, $1 * depth])
    }
    let scales = tables.map { parameter("scale of \($0.name)", [$0.shape.columns]) }
    let rows = (0..<partition.rowCount).map { Int32(31 * $0 % 97) }
    let positions = (0..<partition.exampleCount).flatMap { (0..<Int32(partition[$0].count)) }
    let rotary = RotaryTable(theta: 1000, headWidth: depth, positionCount: 130)
    let tape = Tape(dropout: OperationCase.dropout)
    let parts = zip(tables, scales).map { table, scale in
      tape.rmsNorm(
        tape.embeddingSum([(table: table, rows: rows)], partition: partition), scale: scale,
        epsilon: 1e-5)
    }
    let turned = parts.prefix(2).map { tape.rotary($0, rotary, positions: positions) }
    let attended = tape.attention(
      queries: turned[0], keys: turned[1], values: parts[2], heads: heads, keyValueHeads: shared,
      isCausal: true, dropout: 0.1)
    let gated = tape.product(tape.activation(attended, .silu), parts[0])
    let sink = GradientAccumulator()
    tape.pullBack(
      OperationProblem.cotangent(of: gated), from: gated, to: sink, consuming: false)
    let parameters = tables.prefix(2) + scales
    let gradients = parameters.compactMap { sink[$0] }
    let directions = Dictionary(uniqueKeysWithValues: zip(parameters, gradients))
    return [gated.value, tape.tangent(of: gated, along: directions)] + gradients
  }

  /// Values and gradients of linear maps of few and of many rows and columns.
  static func products(workers: Int, precision: Precision) -> [Tensor] {
    WorkerPool.useWorkers(workers)
    return [(partition, 263), (RowPartition(lengths: [9, 31]), 1100)].flatMap { partition, hidden in
      let table = parameter("table", [partition.rowCount, width])
      let parameters = [
        ("first", [hidden, width]), ("bias", [hidden]), ("down", [8, hidden]),
        ("up", [457, 8]), ("second", [457, hidden]),
      ].map { parameter($0, Shape($1)) }
      let tape = Tape(precision: precision)
      let x = tape.embeddingSum(
        [(table: table, rows: (0..<partition.rowCount).map(Int32.init))], partition: partition)
      let inner = tape.linear(x, weight: parameters[0], bias: parameters[1])
      let y = tape.lowRankLinear(
        inner, weight: parameters[4], bias: nil, down: parameters[2], up: parameters[3], scale: 2)
      let sink = GradientAccumulator()
      tape.pullBack(OperationProblem.cotangent(of: y), from: y, to: sink)
      return [inner.value, y.value] + ([table] + parameters).compactMap { sink[$0] }
    }
  }

  private static func parameter(_ name: String, _ shape: Shape) -> Parameter {
    Parameter(name: name, value: OperationProblem.normal(shape, name))
  }
}
