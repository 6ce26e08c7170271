import PEFTNetwork
import PEFTTensor

/// The storage format of one kind of Hugging Face PEFT adapter on linear layers.
public protocol AdapterFormat: Sendable {
  /// The suffixes that follow a layer's path in the names of adapter tensors, without `.weight`.
  var suffixes: [String] { get }

  /// The suffixes of tensors of places in a weight, which files may hold as integers; none as a
  /// rule.
  var indexSuffixes: [String] { get }

  /// The names in the file of tensors that all layers share; none as a rule.
  var sharedNames: [String] { get }

  /// The suffixes of copies of these tensors that files have for every layer, and that are not
  /// read; none as a rule.
  var copySuffixes: [String] { get }

  /// Creates the adapters of some layers, in the order of their names, from their tensors and from
  /// those that all of them share, keyed by name.
  ///
  /// Throws if tensors are missing, or do not fit.
  func adapters(
    of layers: [StoredAdapter], sharing shared: [String: Tensor]
  ) throws(AdapterMismatch) -> [any LinearAdapter]

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

extension AdapterFormat {
  /// An empty list: no tensor holds places.
  public var indexSuffixes: [String] { [] }

  /// An empty list: the layers share nothing.
  public var sharedNames: [String] { [] }

  /// An empty list: nothing is copied.
  public var copySuffixes: [String] { [] }

  /// Creates the adapters one by one.
  public func adapters(
    of layers: [StoredAdapter], sharing shared: [String: Tensor]
  ) throws(AdapterMismatch) -> [any LinearAdapter] {
    var adapters: [any LinearAdapter] = []
    for stored in layers {
      do throws(AdapterMismatch) {
        adapters.append(try adapter(of: stored.layer, called: stored.name, stored.tensors))
      } catch { throw AdapterMismatch(error.reason, place: stored.layer.name) }
    }
    return adapters
  }
}

/// The tensors of an adapter in a file.
public struct StoredAdapter {
  /// The layer of the model to which it belongs.
  public let layer: LinearLayer
  /// The path of the layer in the file. In the file of a backbone alone, it has no prefix.
  public let name: String
  /// The tensors, keyed by suffix.
  public let tensors: [String: Tensor]
}

/// An error about tensors that do not fit a layer.
public struct AdapterMismatch: Error {
  /// A sentence that says what is wrong, without its full stop.
  public let reason: String
  /// The path of the layer; nil if the error is about the only layer in question.
  public let place: String?

  /// Creates an error with this reason.
  public init(_ reason: String, place: String? = nil) {
    self.reason = reason
    self.place = place
  }
}
