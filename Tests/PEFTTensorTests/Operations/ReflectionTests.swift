import PEFTTensor
import Testing

@Suite("Reflections")
struct ReflectionTests {
  private let columns = OperationProblem.normal([7, 4], "columns")

  @Test("the change of a weight is that of the rows' map, and keeps lengths")
  func weights() {
    let (weight, x) = (OperationProblem.normal([5, 7], "w"), OperationProblem.normal([6, 7], "x"))
    let tape = Tape()
    let parameter = Parameter(name: "u", value: columns)
    func reflected(_ x: Tensor) -> Tensor {
      tape.reflectedColumns(
        Variable(constant: x, partition: RowPartition(examples: x.shape.rows)), by: parameter
      ).value
    }
    let (down, up) = Reflections(columns: columns).change(of: weight)
    let changed = DoubleMatrix(weight) + DoubleMatrix(up) * DoubleMatrix(down)
    let expected = DoubleMatrix(x) * changed.transposed
    let found = DoubleMatrix(reflected(x)) * DoubleMatrix(weight).transposed
    let error = (found + -1 * expected).elements.reduce(0) { max($0, abs($1)) }
    #expect(error < 1e-5)
    #expect(abs(reflected(x).sumOfSquares / x.sumOfSquares - 1) < 1e-6)
  }

  @Test("equal pairs cancel, and a column of zeros reflects nothing")
  func identities() {
    let x = OperationProblem.normal([3, 7], "x")
    let input = Variable(constant: x, partition: RowPartition(examples: 3))
    let pairs = Tensor((0..<28).map { columns.elements[$0 / 2 * 2] }, shape: [7, 4])
    for still in [pairs, Tensor(zeros: [7, 4])] {
      let y = Tape().reflectedColumns(input, by: Parameter(name: "u", value: still)).value
      #expect(y.relativeError(to: x) < 1e-6)
    }
  }

  @Test("the contraction of an example's gradient is its tangent along the direction, by part")
  func contractions() {
    final class Sink: GradientSink {
      var gradients: [any ParameterGradient] = []
      func receive(
        _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition
      ) { gradients.append(gradient) }
    }
    let partition = RowPartition(lengths: [2, 3])
    let x = OperationProblem.normal([5, 7], "x")
    let parameter = Parameter(name: "u", value: columns)
    let tape = Tape()
    let y = tape.reflectedColumns(Variable(constant: x, partition: partition), by: parameter)
    let cotangent = OperationProblem.cotangent(of: y)
    let direction = OperationProblem.normal([7, 4], "direction")
    let change = tape.tangent(of: y, along: [parameter: direction])
    let sink = Sink()
    tape.pullBack(cotangent, from: y, to: sink)
    let gradient = sink.gradients[0]
    let whole = gradient.contracted(with: direction, partition: partition)
    for (example, rows) in [0..<2, 2..<5].enumerated() {
      let expected = change.rows(rows).dot(cotangent.rows(rows))
      #expect(abs(whole[example] - expected) < 1e-5)
    }
    for (split, parts) in [(ElementSplit.rows, 7), (.columns, 4)] {
      let found = gradient.contracted(with: direction, partition: partition, by: split)
      #expect(found.count == 2 * parts)
      for example in 0..<2 {
        let sum = found[example * parts..<(example + 1) * parts].reduce(0, +)
        #expect(abs(sum - whole[example]) < 1e-5)
      }
    }
    var formed = Tensor(zeros: [7, 4])
    gradient.accumulate(into: &formed, adding: false, precision: .fp32)
    var rows = Tensor(zeros: [2, 4])
    gradient.restricted(to: [1, 6]).accumulate(into: &rows, adding: false, precision: .fp32)
    #expect(rows.elements == formed.rows(1..<2).elements + formed.rows(6..<7).elements)
  }
}
