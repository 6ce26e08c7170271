/// A gradient that is already formed.
///
/// It cannot be split by example, so a probe cannot use it: an operation whose parameters are
/// probed must deliver factors.
public struct DenseGradient: ParameterGradient {
  /// The gradient, in the parameter's shape.
  public let value: Tensor

  /// Copies the gradient into `sum`, or adds it.
  public func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    if adding { sum.add(value) } else { sum.copyElements(of: value) }
  }

  /// A copy of the given rows.
  public func restricted(to rows: [Int]) -> any ParameterGradient { .dense(value.rows(at: rows)) }

  /// Traps, because a dense gradient cannot be split by example.
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
