import PEFTNetwork
import PEFTTensor

/// How one Hugging Face PEFT adapter stores what it adds to linear layers.
public protocol AdapterFormat: Sendable {
  /// What tensors of an adapted layer are called behind its path, `.weight` left out.
  var suffixes: [String] { get }

  /// The adapter of `layer` that has these tensors, by suffix, all of them.
  ///
  /// Throws for tensors that do not fit the layer.
  func adapter(
    of layer: LinearLayer, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter

  /// The method that has such adapters, with its usual settings.
  var usualMethod: any AdaptationMethod { get }

  /// The method that trains these adapters further; nil where no settings of a method give them.
  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)?
}

/// Tensors that do not fit a layer.
public struct AdapterMismatch: Error {
  /// What is wrong, as a sentence without its full stop.
  public let reason: String

  /// A mismatch with this reason.
  public init(_ reason: String) { self.reason = reason }
}
