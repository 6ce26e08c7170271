/// The input of an operation as its pullback and tangent need it: kept as a tape keeps tensors, or
/// made again from what the tape keeps anyway. All operations with the same input share it, so it
/// is kept once, and where it has to be made it lives from the first operation of a reverse walk
/// that takes it to the last.
final class SavedInput {
  private enum Source {
    /// Nobody keeps it yet.
    case value(Tensor)
    case kept(SavedTensor)
    case remade(() -> Tensor)
  }

  private var source: Source
  /// The input while it is in use, where `source` would make a new one each time.
  private var made: Tensor?
  /// The operations that keep it, and how many of them a reverse walk has not come to.
  private var (users, due) = (0, 0)

  /// An input that is made by `make`.
  init(remaking make: @escaping () -> Tensor) { source = .remade(make) }

  /// An input that is rounded to a tape's precision when an operation first keeps it.
  init(_ value: Tensor) { source = .value(value) }

  /// The same for one more operation that will take it.
  func keeping(_ precision: Precision) -> SavedInput {
    if case .value(let value) = source { source = .kept(SavedTensor(value, precision: precision)) }
    users += 1
    due = users
    return self
  }

  /// The input; where it was made for this it stays.
  var value: Tensor {
    if let made { return made }
    switch source {
    case .value(let value): return value
    case .kept(let saved) where saved.precision == .fp32: return saved.value
    case .kept(let saved): made = saved.value
    case .remade(let make): made = make()
    }
    return value
  }

  /// Hands the input to an operation that a reverse walk has come to. Behind the last of them
  /// nothing that was made for it stays.
  func take<Result>(_ body: (Tensor) -> Result) -> Result {
    defer {
      due -= 1
      if due <= 0 { (made, due) = (nil, users) }
    }
    return body(value)
  }
}
