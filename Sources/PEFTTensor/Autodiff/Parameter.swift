/// A named tensor that a model owns and an optimizer may change. The only thing with identity: two
/// layers that share a parameter (tied weights) share the object.
public final class Parameter {
  /// The name in the published checkpoint, dots included.
  public let name: String
  /// The current value.
  public var value: Tensor
  /// Whether a gradient is wanted. A parameter that needs none costs no recording, no gradient and
  /// no optimizer state.
  public var isTrainable: Bool

  /// A parameter with a value.
  public init(name: String, value: Tensor, isTrainable: Bool = true) {
    self.name = name
    self.value = value
    self.isTrainable = isTrainable
  }

  /// The extents of the value.
  public var shape: Shape { value.shape }
  /// The number of elements.
  public var count: Int { value.count }
}

extension Parameter: Hashable {
  /// Identity, not value.
  public static func == (left: Parameter, right: Parameter) -> Bool { left === right }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
