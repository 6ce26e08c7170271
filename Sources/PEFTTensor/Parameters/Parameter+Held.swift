extension Parameter {
  /// A value in the form in which it was in memory.
  package struct Held {
    fileprivate enum Form {
      case floats(Tensor)
      case bfloats(BFloatMatrix, () throws(FileError) -> BFloatMatrix)
    }
    fileprivate let form: Form
  }

  /// The value in the form in which it is in memory, which it shares until it changes. A value that
  /// is only packed is read again, and a failure traps, as with `value`.
  package var held: Held {
    if let bfloatValue, case .bfloats(let read) = origin {
      return Held(form: .bfloats(bfloatValue, read))
    }
    return Held(form: .floats(value))
  }

  /// Sets the value to one that it had. If it has not changed since, it is left alone, so that it
  /// can still be read again from its source.
  package func restore(_ held: Held) {
    switch held.form {
    case .floats(let tensor): if !value.isSameStorage(as: tensor) { value = tensor }
    case .bfloats(let matrix, let read): if origin == nil { hold(matrix, from: read) }
    }
  }
}
