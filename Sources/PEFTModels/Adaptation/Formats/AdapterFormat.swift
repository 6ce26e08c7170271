import PEFTNetwork
import PEFTTensor

/// The storage format of one kind of Hugging Face PEFT adapter on linear layers.
public protocol AdapterFormat: Sendable {
  /// The suffixes that follow a layer's path in the names of adapter tensors, without `.weight`.
  var suffixes: [String] { get }

  /// Creates the adapter of `layer` from its tensors, keyed by suffix; all of them are present.
  ///
  /// Throws if the tensors do not fit the layer.
  ///
  /// - Parameter name: the path of the layer in the file. In the file of a backbone alone, it has
  ///   no prefix.
  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter

  /// The method with such adapters, in its usual settings.
  var usualMethod: any AdaptationMethod { get }

  /// The method that trains these adapters further; nil if no method settings produce them.
  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)?
}

/// An error about tensors that do not fit a layer.
public struct AdapterMismatch: Error {
  /// A sentence that says what is wrong, without its full stop.
  public let reason: String

  /// Creates an error with this reason.
  public init(_ reason: String) { self.reason = reason }
}
