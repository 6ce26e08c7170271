import Foundation
import PEFTTensor
import Testing

@Suite("Gradients of tables of which few rows were read")
struct OptimizerRowsTests {
  /// A table of 40 rows, and a batch that reads four of them, one twice.
  private func tape(_ table: Parameter) -> (Tape, Variable) {
    let tape = Tape()
    let rows: [Int32] = [7, 39, 7, 0, 12]
    let x = tape.embeddingSum(
      [(table: table, rows: rows)], partition: RowPartition(lengths: [3, 2]))
    return (tape, x)
  }

  private func table() -> Parameter {
    Parameter(name: "table", value: OperationProblem.normal([40, 19], "table"), isTable: true)
  }

  @Test("they are the whole gradient, even if something else is added")
  func dense() {
    let table = table()
    let (tape, x) = tape(table)
    let cotangent = OperationProblem.cotangent(of: x)
    let sink = GradientAccumulator()
    tape.pullBack(cotangent, from: x, to: sink)
    var expected = [Float](repeating: 0, count: 40 * 19)
    let upstream = cotangent.elements
    for (index, row) in [7, 39, 7, 0, 12].enumerated() {
      for column in 0..<19 { expected[row * 19 + column] += upstream[index * 19 + column] }
    }
    #expect(sink[table]?.elements == expected)
    let norm = expected.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(sink.globalNorm(of: [table]) - norm) < 1e-12 * norm)
    let more = OperationProblem.normal([40, 19], "more")
    sink.receive(.dense(more), of: table, partition: RowPartition(lengths: [5]))
    #expect(sink[table]?.elements == zip(expected, more.elements).map { $0 + $1 })
    sink.reset()
    #expect(sink[table] == nil)
  }

  @Test("AdamW's steps equal those of the whole gradient, bit for bit")
  func steps() throws {
    let (table, twin) = (table(), table())
    var optimizers = [table, twin].map { AdamW(parameters: [$0]) }
    for step in 0..<4 {
      let (tape, x) = tape(table)
      let cotangent = OperationProblem.normal(x.value.shape, "cotangent \(step)")
      let rows = GradientAccumulator()
      tape.pullBack(cotangent, from: x, to: rows)
      let whole = GradientAccumulator()
      whole.receive(
        .dense(try #require(rows[table])), of: twin, partition: RowPartition(lengths: [5]))
      for (index, gradients) in [rows, whole].enumerated() {
        optimizers[index].step(gradients: gradients, learningRate: 0.1, gradientScale: 0.7)
      }
      #expect(table.value.isIdentical(to: twin.value), "step \(step)")
    }
  }

  /// The gradients of a step that reads the rows `first`, `first` + 7, … of a table, none of them
  /// twice.
  private static func gradients(of table: Parameter, first: Int, step: Int) -> GradientAccumulator {
    let rows = (0..<20).map { Int32(first + 7 * $0) }
    let sink = GradientAccumulator()
    sink.receive(
      .scatter(
        upstream: OperationProblem.normal([20, table.shape[1]], "step \(step)"), rows: rows),
      of: table, partition: RowPartition(lengths: [20]))
    return sink
  }

  @Test("the same holds if most rows were never read, and different rows in every step")
  func newRows() throws {
    let start = OperationProblem.normal([60_000, 3], "large table")
    let table = Parameter(name: "t", value: start, isTable: true)
    let twin = Parameter(name: "t", value: start)
    var optimizers = [table, twin].map { AdamW(parameters: [$0]) }
    for step in 0..<5 {
      let rows = Self.gradients(of: table, first: 31 * (step % 3), step: step)
      let whole = GradientAccumulator()
      whole.receive(
        .dense(try #require(rows[table])), of: twin, partition: RowPartition(lengths: [20]))
      for (index, gradients) in [rows, whole].enumerated() {
        optimizers[index].step(gradients: gradients, learningRate: 0.1, gradientScale: 0.7)
      }
      #expect(table.value.isIdentical(to: twin.value), "step \(step)")
    }
    let means = try optimizers.map { try #require($0.state.slots["mean"]?["t"]) }
    #expect(means[0].isIdentical(to: means[1]))
    #expect(!table.value.isIdentical(to: start))
  }

  @Test("a table is what is declared one, whatever its shape, as long as all of it trains")
  func shapes() {
    for (shape, isTable) in [([4096, 512], true), ([4096, 512], false), ([40_000, 2], false)]
      as [(Shape, Bool)]
    {
      let table = Parameter(name: "t", value: Tensor(zeros: shape), isTable: isTable)
      #expect(table.keepsOnlyReadRows(ofLookups: 20) == isTable)
      #expect(table.hasStateOfReadRows == isTable)
      table.trains = .rows([1, 3])
      #expect(!table.keepsOnlyReadRows(ofLookups: 2) && !table.hasStateOfReadRows)
    }
    let table = Parameter(name: "t", value: Tensor(zeros: [4096, 512]), isTable: true)
    #expect(table.keepsOnlyReadRows(ofLookups: 2048) && !table.keepsOnlyReadRows(ofLookups: 2049))
    // Rows of 2 KiB, so two fit into a page of 4 KiB.
    #expect(getpagesize() != 4096 || table.pageBytes(ofRows: [0, 1, 7]) == 8192)
    #expect(table.pageBytes(ofRows: Set(0..<4096)) == 4 * table.count)
  }

  @Test("the state of rows that were never read takes no memory")
  func memory() async {
    await #expect(processExitsWith: .success) {
      let table = Parameter(
        name: "table", value: Tensor(zeros: [1_000_000, 16]), isTable: true)
      let before = Processor.peakResidentBytes
      var optimizer = AdamW(parameters: [table])
      for step in 0..<3 {
        optimizer.step(
          gradients: Self.gradients(of: table, first: 1000 * step, step: step), learningRate: 0.1,
          gradientScale: 1)
      }
      // The state is twice as large as the table, that is, 128 MB.
      #expect(Processor.peakResidentBytes - before < 16 << 20)
      #expect(table.value.sumOfSquares > 0)
      // The same holds for a state that is read back with all its zeros, as from a file.
      let resident = Processor.residentMemory
      var next = AdamW(parameters: [table])
      next.state = OptimizerState(
        counters: optimizer.state.counters,
        slots: optimizer.state.slots.mapValues { slot in
          slot.mapValues { Tensor($0.elements, shape: $0.shape) }
        })
      TensorMemory.releaseUnused()
      #expect(Processor.residentMemory - resident < 16 << 20)
      for slot in ["mean", "meanSquare"] {
        let (mine, theirs) = (
          next.state.slots[slot]?["table"], optimizer.state.slots[slot]?["table"]
        )
        #expect(mine.flatMap { mine in theirs.map { mine.isIdentical(to: $0) } } == true)
      }
    }
  }
}
