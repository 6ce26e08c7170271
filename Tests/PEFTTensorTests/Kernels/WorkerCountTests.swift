import PEFTTensor
import Testing

/// The shared pool belongs to the process, so each test runs in a separate process.
@Suite("Worker counts")
struct WorkerCountTests {
  @Test("everything except matrix products gives the same bits for any number of workers")
  func sameBits() async {
    await #expect(processExitsWith: .success) {
      let expected = WideComputation.rowwise(workers: 1)
      #expect(expected.count == 13)
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

  @Test("matrix products repeat bit for bit, and agree for any number of workers")
  func products() async {
    await #expect(processExitsWith: .success) {
      let expected = WideComputation.products(workers: 1)
      #expect(expected.count == 8)
      for workers in [1, 2, 3] {
        let tensors = WideComputation.products(workers: workers)
        let again = WideComputation.products(workers: workers)
        for (index, tensor) in tensors.enumerated() {
          #expect(tensor.isIdentical(to: again[index]), "result \(index), \(workers) workers")
          // Another split may sum in a different order.
          let error = tensor.relativeError(to: expected[index])
          #expect(error < 1e-6, "result \(index), \(workers) workers")
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
    let attended = tape.attention(
      queries: normalized, keys: y, values: normalized, heads: 7, dropout: 0.1)
    let loss = tape.softmaxCrossEntropy(
      tape.pool(attended, .mean), labels: Array(0..<partition.exampleCount))
    let sink = GradientAccumulator()
    tape.pullBack(
      Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink, consuming: false)
    let parameters = tables + [scale, shift]
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

  /// Values and gradients of linear maps.
  static func products(workers: Int) -> [Tensor] {
    WorkerPool.useWorkers(workers)
    let table = parameter("table", [partition.rowCount, width])
    let parameters = [("first", [263, width]), ("bias", [263]), ("down", [8, 263])].map {
      parameter($0, Shape($1))
    }
    let rest = [("up", [257, 8]), ("second", [257, 263])].map { parameter($0, Shape($1)) }
    let tape = Tape()
    let x = tape.embeddingSum(
      [(table: table, rows: (0..<partition.rowCount).map(Int32.init))], partition: partition)
    let hidden = tape.linear(x, weight: parameters[0], bias: parameters[1])
    let y = tape.lowRankLinear(
      hidden, weight: rest[1], bias: nil, down: parameters[2], up: rest[0], scale: 2)
    let sink = GradientAccumulator()
    tape.pullBack(OperationProblem.cotangent(of: y), from: y, to: sink)
    return [hidden.value, y.value] + ([table] + parameters + rest).compactMap { sink[$0] }
  }

  private static func parameter(_ name: String, _ shape: Shape) -> Parameter {
    Parameter(name: name, value: OperationProblem.normal(shape, name))
  }
}
