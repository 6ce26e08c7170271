import PEFTTensor
import Testing

@Suite("Gradients formed for each example")
struct ExampleGradientTests {
  @Test("contractions are inner products with the direction, by example and part")
  func contractions() {
    let (rows, columns) = (4, 3)
    let examples = OperationProblem.normal([2, 12], "examples")
    let direction = OperationProblem.normal([4, 3], "direction")
    let gradient: any ParameterGradient = .examples(examples, columns: columns)
    func product(_ example: Int, _ row: Int, _ column: Int) -> Double {
      Double(examples[example, row * columns + column]) * Double(direction[row, column])
    }
    let byRow = (0..<2).flatMap { example in
      (0..<rows).map { row in (0..<columns).reduce(0) { $0 + product(example, row, $1) } }
    }
    let byColumn = (0..<2).flatMap { example in
      (0..<columns).map { column in (0..<rows).reduce(0) { $0 + product(example, $1, column) } }
    }
    let whole = (0..<2).map { byRow[$0 * rows..<($0 + 1) * rows].reduce(0, +) }
    for (split, expected) in [(ElementSplit.whole, whole), (.rows, byRow), (.columns, byColumn)] {
      let found = gradient.contracted(
        with: direction, partition: RowPartition(lengths: [5, 1]), by: split)
      #expect(found.count == expected.count)
      for (one, other) in zip(found, expected) { #expect(abs(one - other) < 1e-12, "\(split)") }
    }
  }
}
