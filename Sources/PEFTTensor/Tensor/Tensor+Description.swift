extension Tensor: CustomStringConvertible {
  /// The shape and the first elements, as text.
  public var description: String {
    let shown = withUnsafeElements { $0.prefix(8).map { "\($0)" }.joined(separator: ", ") }
    return "Tensor\(shape)(\(shown)\(count > 8 ? ", …" : ""))"
  }
}
