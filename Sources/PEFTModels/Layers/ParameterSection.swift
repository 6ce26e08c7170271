import PEFTNetwork
import PEFTTensor

/// The parameters of one part of a network.
public struct ParameterSection {
  /// The part: `embeddings`, `layer.3`, `head`.
  public let place: String
  /// The prefix of the parameters' names, followed by their roles.
  public let prefix: String
  /// The stage of the computation that first uses it.
  public let stage: Int
  /// The index of its transformer layer, from 0; nil outside the layers.
  public let layer: Int?
  /// The parameters in the order of computation.
  public private(set) var entries: [ModelParameter] = []

  /// Creates an empty section.
  public init(place: String, prefix: String, stage: Int, layer: Int? = nil) {
    self.place = place
    self.prefix = prefix
    self.stage = stage
    self.layer = layer
  }

  /// Adds parameters of one kind.
  public mutating func add(
    _ parameters: [Parameter], _ kind: ParameterKind, adapter: AdapterFactor? = nil
  ) {
    entries += parameters.map { parameter in
      let name = parameter.name
      let role = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
      return ModelParameter(
        parameter, kind: kind, place: place, layer: layer, role: role, stage: stage,
        adapter: adapter)
    }
  }

  /// Adds the weight, the bias, and the parameters of the adapter.
  public mutating func add(_ linear: LinearLayer, _ weightKind: ParameterKind) {
    add([linear.weight], weightKind)
    if let bias = linear.bias { add([bias], .bias) }
    for factor in linear.adapter?.factors ?? [] {
      add(
        [factor.parameter], .adapter,
        adapter: AdapterFactor(
          weight: linear.weight.name, part: factor.part, rateFactor: factor.rateFactor))
    }
  }
}
