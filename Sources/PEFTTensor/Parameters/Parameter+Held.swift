extension Parameter {
  /// A value in the form in which it was in memory, with its source.
  package struct Held {
    fileprivate enum Form {
      case floats(Tensor)
      case bfloats(BFloatMatrix)
    }
    fileprivate let form: Form
    fileprivate let origin: Origin?
  }

  /// The value in the form in which it is in memory, which it shares until it changes. A value that
  /// is only packed is read again, and a failure traps, as with `value`.
  package var held: Held {
    Held(form: bfloatValue.map { .bfloats($0) } ?? .floats(value), origin: origin)
  }

  /// Sets the value, and the form in which it is in memory, to what they were. What is only packed
  /// and has not changed since is left alone.
  package func restore(_ held: Held) {
    if valueBytes == 0, origin != nil { return }
    switch held.form {
    case .floats(let tensor):
      if !value.isSameStorage(as: tensor) { value = tensor }
      origin = held.origin
    case .bfloats(let matrix):
      if bfloatValue?.isSame(as: matrix) != true { hold(matrix, from: held.origin) }
    }
  }
}
