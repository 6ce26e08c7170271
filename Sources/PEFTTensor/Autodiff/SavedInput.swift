/// The input of an operation as its pullback and tangent need it: kept, or made again from what the tape
/// keeps anyway. All operations with the same input share it, so it is made once.
final class SavedInput {
  private var made: Tensor?
  private let make: () -> Tensor

  /// An input that is made by `make` when it is first asked for.
  init(remaking make: @escaping () -> Tensor) { self.make = make }

  /// An input that stays.
  init(_ value: Tensor) {
    made = value
    make = { value }
  }

  /// The input.
  var value: Tensor {
    if let made { return made }
    let value = make()
    made = value
    return value
  }
}
