import PEFTTensor
import Testing

/// Compares the loss over a vocabulary, computed in several chunks, with the loss of whole logits.
@Suite("Loss over a vocabulary")
struct VocabularyTests {
  /// 200,003 × 400 logits are three chunks.
  private static let (vocabulary, count, width) = (200_003, 400, 3)

  private func problem() -> (x: Parameter, map: VocabularyMap, labels: [Int32]) {
    func parameter(_ name: String, _ shape: Shape) -> Parameter {
      var draws = SeededGenerator(seed: 3, purpose: name)
      return Parameter(
        name: name, value: Tensor(normal: shape, standardDeviation: 1, using: &draws))
    }
    let labels = (0..<Self.count).map { Int32($0 * 7919 % Self.vocabulary) }
    return (
      parameter("x", [Self.count, Self.width]),
      VocabularyMap(
        table: parameter("table", [Self.vocabulary, Self.width]),
        bias: parameter("bias", [Self.vocabulary])), labels
    )
  }

  private func input(_ x: Parameter, _ tape: Tape) -> Variable {
    tape.embeddingSum(
      [(table: x, rows: (0..<Self.count).map(Int32.init))],
      partition: RowPartition(lengths: [150, 0, 249, 1]))
  }

  @Test("several chunks give the loss and the gradients of whole logits", arguments: [0, 0.2])
  func chunks(smoothing: Double) throws {
    let (x, map, labels) = problem()
    let bias = try #require(map.bias)
    let (mine, theirs) = (GradientAccumulator(), GradientAccumulator())
    let tape = Tape()
    let loss = tape.crossEntropy(
      input(x, tape), map, labels: labels, labelSmoothing: smoothing)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: mine)
    let whole = Tape()
    let expected = whole.softmaxCrossEntropy(
      whole.linear(input(x, whole), weight: map.table, bias: bias), labels: labels.map { Int($0) },
      shape: LossShape(labelSmoothing: smoothing))
    whole.pullBack(Tensor(repeating: 1, shape: [1]), from: expected.variable, to: theirs)
    #expect(abs(loss.mean - expected.mean) < 1e-6 * expected.mean)
    for (term, other) in zip(loss.terms, expected.terms) { #expect(abs(term - other) < 1e-5) }
    for parameter in [x, map.table, bias] {
      let (gradient, other) = (try #require(mine[parameter]), try #require(theirs[parameter]))
      #expect(gradient.relativeError(to: other) < 1e-5, "\(parameter.name)")
    }
  }

  @Test("no more than a chunk of logits is in memory, in the loss and in its pullback")
  func memory() async {
    await #expect(processExitsWith: .success) {
      let (vocabulary, count, width) = (20_011, 8_000, 2)
      let table = Parameter(name: "table", value: Tensor(zeros: [vocabulary, width]))
      let x = Parameter(name: "x", value: Tensor(repeating: 1, shape: [count, width]))
      let tape = Tape()
      let input = tape.embeddingSum(
        [(table: x, rows: (0..<count).map(Int32.init))],
        partition: RowPartition(lengths: [count]))
      let before = TensorMemory.current.bytesInUse
      let loss = tape.crossEntropy(
        input, VocabularyMap(table: table), labels: Array(repeating: 7, count: count))
      let gradients = GradientAccumulator()
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
      #expect(gradients[table] != nil)
      // A chunk has 2²⁵ logits of 4 bytes, and a buffer may be up to an eighth larger; all logits
      // together would take 640 MB.
      #expect(TensorMemory.current.peakBytesInUse - before < 160 << 20)
    }
  }

  @Test("contributions by chunk separate the examples")
  func examples() throws {
    let (x, map, labels) = problem()
    final class Sink: GradientSink {
      var perExample = [Double](repeating: 0, count: 4)
      var chunkCount = 0
      let table: Parameter
      let direction: Tensor
      init(_ table: Parameter, _ direction: Tensor) {
        self.table = table
        self.direction = direction
      }
      func receive(
        _ factors: any ParameterGradient, of parameter: Parameter, partition: RowPartition
      ) {
        guard parameter == table else { return }
        chunkCount += 1
        let values = factors.contracted(with: direction, partition: partition)
        for (index, value) in values.enumerated() { perExample[index] += value }
      }
    }
    var draws = SeededGenerator(seed: 4, purpose: "direction")
    let direction = Tensor(normal: map.table.shape, standardDeviation: 1, using: &draws)
    let sink = Sink(map.table, direction)
    let tape = Tape()
    let hidden = input(x, tape)
    let loss = tape.crossEntropy(hidden, map, labels: labels)
    tape.pullBack(
      Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink, consuming: false)
    let moments = tape.crossEntropyMoments(
      hidden, map, labels: labels, along: [map.table: direction])
    #expect(sink.chunkCount == 3)
    for (example, rows) in [0..<150, 150..<150, 150..<399, 399..<400].enumerated() {
      let expected = moments.slopes[rows].reduce(0, +) / Double(Self.count)
      #expect(abs(sink.perExample[example] - expected) < 1e-5, "example \(example)")
    }
  }

  @Test("sampled labels have the frequencies of the softmax, whatever the number of workers")
  func draws() throws {
    let table = Parameter(name: "t", value: Tensor([0, 1, 2, -1], shape: [4, 1]))
    let tape = Tape()
    let x = Variable(
      constant: Tensor([1, 0.5], shape: [2, 1]), partition: RowPartition(lengths: [2]))
    let draws = tape.draw(
      4000, from: x, VocabularyMap(table: table),
      using: SeededGenerator(seed: 9, purpose: "draws"))
    for (row, scale) in [1, 0.5].enumerated() {
      let probabilities = ReferenceKernels.softmax([0, 1, 2, -1].map { $0 * scale })
      for label in 0..<4 {
        let share = Double(draws.count { Int($0[row]) == label }) / 4000
        let deviation = (probabilities[label] * (1 - probabilities[label]) / 4000).squareRoot()
        #expect(abs(share - probabilities[label]) < 4 * deviation, "row \(row), label \(label)")
      }
    }
  }

  @Test("slopes and curvatures along a direction are those of the loss in Double")
  func moments() throws {
    func parameter(_ name: String, _ shape: Shape) -> Parameter {
      var draws = SeededGenerator(seed: 6, purpose: name)
      return Parameter(
        name: name, value: Tensor(normal: shape, standardDeviation: 1, using: &draws))
    }
    let (x, table) = (parameter("x", [5, 4]), parameter("w", [6, 4]))
    let directions = [x: parameter("dx", [5, 4]).value, table: parameter("dw", [6, 4]).value]
    let labels: [Int32] = [0, 5, 2, 2, 1]
    let tape = Tape()
    let hidden = tape.embeddingSum(
      [(table: x, rows: [0, 1, 2, 3, 4])], partition: RowPartition(lengths: [5]))
    let found = tape.crossEntropyMoments(
      hidden, VocabularyMap(table: table), labels: labels, along: directions)
    let (rows, weights) = (DoubleMatrix(x.value), DoubleMatrix(table.value))
    let (rowChange, weightChange) = (
      DoubleMatrix(try #require(directions[x])), DoubleMatrix(try #require(directions[table]))
    )
    let logits = rows * weights.transposed
    let change = rowChange * weights.transposed + rows * weightChange.transposed
    for row in 0..<5 {
      let p = ReferenceKernels.softmax(logits[row: row])
      let d = change[row: row]
      let mean = zip(p, d).reduce(0) { $0 + $1.0 * $1.1 }
      let square = zip(p, d).reduce(0) { $0 + $1.0 * $1.1 * $1.1 }
      let slope = mean - d[Int(labels[row])]
      #expect(abs(found.slopes[row] - slope) < 1e-5 * max(1, abs(slope)))
      #expect(abs(found.curvatures[row] - (square - mean * mean)) < 1e-5 * max(1, square))
    }
  }
}
