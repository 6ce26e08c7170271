import PEFTTensor
import Testing

/// An operation under test: how the tape applies it, and the same function in Double.
///
/// Its arguments are parameters. The inputs [T, n], which it takes as variables, enter the tape as
/// rows 0 ..< T of a table, so that the gradient that reaches them can be read.
struct OperationCase: Sendable, CustomTestStringConvertible {
  let name: String
  /// The lengths of the sequences of the packed batch.
  let lengths: [Int]
  /// The widths of the inputs.
  var inputs: [Int] = []
  /// The shapes of the operation's own parameters.
  var parameters: [Shape] = []
  /// The number of operations that `apply` records if all of its arguments are trainable.
  var operationCount = 1
  let apply: @Sendable (Tape, [Variable], [Parameter]) -> Variable
  /// The function of the inputs followed by the parameters.
  let reference: @Sendable ([DoubleMatrix]) -> DoubleMatrix

  var partition: RowPartition { RowPartition(lengths: lengths) }

  var shapes: [Shape] { inputs.map { [partition.rowCount, $0] } + parameters }

  var testDescription: String { "\(name), lengths \(lengths), \(shapes)" }

  /// The source of dropout masks.
  static let dropout = SeededGenerator(seed: 5, purpose: "dropout")

  /// m ∘ x / (1 − p), with element i of x at `offset` + i of the stream of the tape's first mask.
  static func dropped(
    _ x: DoubleMatrix, probability: Double, offset: Int = 0
  ) -> DoubleMatrix {
    DoubleMatrix(rows: x.rows, columns: x.columns) { row, column in
      let word = Philox.word(
        UInt64(offset + row * x.columns + column), site: 1, key: dropout.key)
      return Double(word) < (probability * 0x1p32).rounded(.down)
        ? 0 : x[row, column] / (1 - probability)
    }
  }
}

/// The arguments of an operation with seeded values, some of them frozen.
struct OperationProblem {
  let operation: OperationCase
  let leaves: [Parameter]

  init(_ operation: OperationCase, frozen: Set<Int> = []) {
    self.operation = operation
    leaves = operation.shapes.enumerated().map { index, shape in
      Parameter(
        name: "leaf \(index)", value: Self.normal(shape, "value \(index)"),
        isTrainable: !frozen.contains(index))
    }
  }

  static func normal(_ shape: Shape, _ purpose: String) -> Tensor {
    var generator = SeededGenerator(seed: 11, purpose: purpose)
    return Tensor(normal: shape, standardDeviation: 1, using: &generator)
  }

  func forward() -> (tape: Tape, output: Variable) {
    let tape = Tape(dropout: OperationCase.dropout)
    let rows = (0..<operation.partition.rowCount).map(Int32.init)
    let inputs = leaves.prefix(operation.inputs.count).map {
      tape.embeddingSum([(table: $0, rows: rows)], partition: operation.partition)
    }
    let parameters = Array(leaves.dropFirst(operation.inputs.count))
    return (tape, operation.apply(tape, inputs, parameters))
  }

  /// Seeded directions for the leaves in `moving`.
  func directions(_ moving: [Int]) -> [Parameter: Tensor] {
    Dictionary(
      uniqueKeysWithValues: moving.map {
        (leaves[$0], Self.normal(leaves[$0].shape, "direction \($0)"))
      })
  }

  /// The sets of leaves to move: every leaf alone, and all together.
  var movements: [[Int]] {
    leaves.indices.map { [$0] } + (leaves.count > 1 ? [Array(leaves.indices)] : [])
  }

  /// The reference function at the leaves plus `step` times their directions.
  func reference(along directions: [Parameter: Tensor] = [:], step: Double = 0) -> DoubleMatrix {
    operation.reference(
      leaves.map { leaf in
        let value = DoubleMatrix(leaf.value)
        return directions[leaf].map { value + step * DoubleMatrix($0) } ?? value
      })
  }

  /// The gradients of ⟨output, cotangent⟩ for each leaf.
  func gradients(
    _ tape: Tape, _ output: Variable, _ cotangent: Tensor, consuming: Bool = false
  ) -> [Tensor?] {
    let sink = GradientAccumulator()
    tape.pullBack(cotangent, from: output, to: sink, consuming: consuming)
    return leaves.map { sink[$0] }
  }

  static func cotangent(of output: Variable) -> Tensor {
    normal(output.value.shape, "cotangent")
  }
}
