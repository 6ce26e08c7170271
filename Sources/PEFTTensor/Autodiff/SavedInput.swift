/// An operation's input, saved for its pullback and tangent.
///
/// The input is either stored, in the precision in which the tape saves tensors, or recomputed from
/// something the tape stores anyway. All operations with the same input share one instance, so the
/// input is stored once. A recomputed input stays in memory from the first operation of a backward
/// pass that takes it to the last.
final class SavedInput {
  private enum Source {
    /// No operation has saved it yet.
    case value(Tensor)
    case kept(SavedTensor)
    case remade(() -> Tensor)
  }

  private var source: Source
  /// The recomputed or widened input while it is in use; otherwise nil.
  private var made: Tensor?
  /// The number of operations that saved this input, and how many of them a backward pass has yet
  /// to reach.
  private var (users, due) = (0, 0)

  /// An input that `make` recomputes on demand.
  init(remaking make: @escaping () -> Tensor) { source = .remade(make) }

  /// An input that is rounded to a tape's precision when the first operation saves it.
  init(_ value: Tensor) { source = .value(value) }

  /// Registers one more operation that will take this input, and returns the same instance.
  func keeping(_ precision: Precision) -> SavedInput {
    if case .value(let value) = source { source = .kept(SavedTensor(value, precision: precision)) }
    users += 1
    due = users
    return self
  }

  /// The input. If it has to be recomputed or widened, the result is cached.
  var value: Tensor {
    if let made { return made }
    switch source {
    case .value(let value): return value
    case .kept(let saved) where saved.precision == .fp32: return saved.value
    case .kept(let saved): made = saved.value
    case .remade(let make): made = make()
    }
    return self.value
  }

  /// Passes the input to an operation that a backward pass has reached. The cached copy is released
  /// after the last such operation.
  func take<Result>(_ body: (Tensor) -> Result) -> Result {
    defer {
      due -= 1
      if due <= 0 { (made, due) = (nil, users) }
    }
    return body(value)
  }
}
