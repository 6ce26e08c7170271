/// A gradient that is formed already.
///
/// It cannot be told apart by example, so a probe has no use for it: an operation whose parameters
/// are probed must hand over factors.
public struct DenseGradient: ParameterGradient {
  /// The gradient, in the parameter's shape.
  public let value: Tensor

  /// A copy, or a sum.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    if adding { sum.add(value) } else { sum.copyElements(of: value) }
  }

  /// The rows, copied.
  public func restricted(to rows: [Int]) -> any ParameterGradient { .dense(value.rows(at: rows)) }

  /// Ends the process.
  public func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    preconditionFailure(
      "contracted: a dense gradient cannot be told apart by example; its operation must hand over "
        + "factors")
  }
}

extension ParameterGradient where Self == DenseGradient {
  /// The gradient itself.
  public static func dense(_ value: Tensor) -> Self { DenseGradient(value: value) }
}
