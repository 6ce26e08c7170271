/// The gradient of a small matrix [V, n] that is already formed for each example: Σ_i G_i.
public struct ExampleGradient: ParameterGradient {
  /// G [B, V·n]: row i holds G_i in row-major order.
  public let examples: Tensor
  /// n.
  public let columns: Int

  /// Computes the sum over the examples.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    sum.accumulateColumnSums(of: examples, accumulating: adding)
  }

  /// A copy of the given rows of every G_i.
  public func restricted(to rows: [Int]) -> any ParameterGradient {
    let elements = rows.flatMap { $0 * columns..<($0 + 1) * columns }
    return .examples(examples.columns(at: elements), columns: columns)
  }

  /// Σ G_i ∘ V over each part.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    precondition(
      examples.shape == [partition.exampleCount, direction.count],
      "contracted: \(examples.shape) with a direction \(direction.shape)")
    guard split != .whole else { return examples.dots(with: direction) }
    let count = split.sumCount(of: direction.shape)
    var sums = [Double](repeating: 0, count: partition.exampleCount * count)
    let width = direction.count
    withElements(of: examples, direction) { gradients, direction in
      for index in 0..<partition.exampleCount * width {
        let (example, element) = index.quotientAndRemainder(dividingBy: width)
        let (row, column) = element.quotientAndRemainder(dividingBy: columns)
        sums[example * count + (split == .rows ? row : column)] +=
          Double(gradients[index]) * Double(direction[element])
      }
    }
    return sums
  }
}

extension ParameterGradient where Self == ExampleGradient {
  /// Σ_i G_i, with the G_i [V, n] as the rows of `examples` [B, V·n] and n = `columns`.
  public static func examples(_ examples: Tensor, columns: Int) -> Self {
    ExampleGradient(examples: examples, columns: columns)
  }
}
