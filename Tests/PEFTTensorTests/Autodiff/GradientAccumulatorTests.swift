import PEFTTensor
import Testing

@Suite("Gradient accumulator")
struct GradientAccumulatorTests {
  private let partition = RowPartition(lengths: [3, 1, 33])
  private var rowCount: Int { partition.rowCount }

  @Test("adds up contributions of every form, and resets")
  func forms() {
    let upstream = OperationProblem.normal([rowCount, 5], "upstream")
    let other = OperationProblem.normal([rowCount, 5], "other")
    let rows = (0..<rowCount).map { 3 * $0 % 4 }
    let (delta, x) = (DoubleMatrix(upstream), DoubleMatrix(other))
    let forms: [(any ParameterGradient, DoubleMatrix)] = [
      (
        .outerProduct(upstream: upstream, input: other, scale: 0.5),
        0.5 * (delta.transposed * x)
      ),
      (.rowSum(upstream: upstream), sum { delta[$0, $1] }),
      (.productSum(upstream: upstream, normalized: other), sum { delta[$0, $1] * x[$0, $1] }),
      (
        .scatter(upstream: upstream, rows: rows.map(Int32.init)),
        DoubleMatrix(rows: 4, columns: 5) { row, column in
          (0..<rowCount).reduce(0) { $0 + (rows[$1] == row ? delta[$1, column] : 0) }
        }
      ),
      (.dense(upstream), delta),
    ]
    for (factors, expected) in forms {
      let shape: Shape = expected.rows == 1 ? [5] : [expected.rows, 5]
      let parameter = Parameter(name: "p", value: Tensor(zeros: shape))
      let sink = GradientAccumulator()
      #expect(sink[parameter] == nil)
      for round in 0..<2 {
        for count in 1...3 {
          sink.receive(factors, of: parameter, partition: partition)
          let error = sink[parameter].map { relativeError(of: $0, to: Double(count) * expected) }
          #expect(error ?? .infinity < 1e-6, "\(shape), round \(round), \(count) contributions")
        }
        let norm = sink.globalNorm(of: [parameter])
        let wanted = 3 * expected.elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(norm - wanted) < 1e-6 * wanted)
        sink.reset()
        #expect(sink[parameter] == nil && sink.globalNorm(of: [parameter]) == 0)
      }
    }
  }

  @Test("a gradient that was taken out does not change when more arrive")
  func taken() {
    let parameter = Parameter(name: "p", value: Tensor(zeros: [3]))
    let sink = GradientAccumulator()
    sink.receive(.dense(Tensor([1, 2, 3], shape: [3])), of: parameter, partition: partition)
    let taken = sink[parameter]
    sink.receive(.dense(Tensor([10, 20, 30], shape: [3])), of: parameter, partition: partition)
    #expect(taken?.elements == [1, 2, 3])
    #expect(sink[parameter]?.elements == [11, 22, 33])
  }

  @Test("a tied parameter's gradient is the sum over its uses")
  func tied() {
    let rows = (0..<rowCount).map { Int32($0 % 7) }
    func gradients(_ tables: [Parameter], _ weights: [Parameter]) -> [Tensor?] {
      let tape = Tape()
      var x = tape.embeddingSum(
        tables.map { (table: $0, rows: rows) }, partition: partition)
      for weight in weights { x = tape.activation(tape.linear(x, weight: weight), .gelu) }
      let sink = GradientAccumulator()
      let cotangent = OperationProblem.normal(x.value.shape, "cotangent")
      tape.pullBack(cotangent, from: x, to: sink)
      return (tables + weights).map { sink[$0] }
    }
    func parameter(_ shape: Shape, _ name: String) -> Parameter {
      Parameter(name: name, value: OperationProblem.normal(shape, name))
    }
    let (table, weight) = (parameter([7, 5], "table"), parameter([5, 5], "weight"))
    let tied = gradients([table, table], [weight, weight])
    let separate = gradients(
      [parameter([7, 5], "table"), parameter([7, 5], "table")],
      [parameter([5, 5], "weight"), parameter([5, 5], "weight")])
    for (shared, uses) in [(tied[0], separate[0...1]), (tied[2], separate[2...3])] {
      let parts = uses.compactMap { $0.map(DoubleMatrix.init) }
      #expect(parts.count == 2)
      // The same numbers, summed in a different order.
      let error = shared.map { relativeError(of: $0, to: parts[0] + parts[1]) }
      #expect(error ?? .infinity < 1e-6)
    }
  }

  private func sum(_ term: (Int, Int) -> Double) -> DoubleMatrix {
    DoubleMatrix(rows: 1, columns: 5) { _, column in
      (0..<rowCount).reduce(0) { $0 + term($1, column) }
    }
  }
}
