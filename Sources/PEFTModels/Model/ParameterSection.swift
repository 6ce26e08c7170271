import PEFTNetwork
import PEFTTensor

/// The parameters of one part of a network.
struct ParameterSection {
  let place: String
  let prefix: String
  let stage: Int
  var layer: Int?
  var entries: [ModelParameter] = []

  init(place: String, prefix: String, stage: Int, layer: Int? = nil) {
    self.place = place
    self.prefix = prefix
    self.stage = stage
    self.layer = layer
  }

  mutating func add(
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

  /// Weight, bias, and what the adapter adds.
  mutating func add(_ linear: LinearLayer, _ weightKind: ParameterKind) {
    add([linear.weight], weightKind)
    if let bias = linear.bias { add([bias], .bias) }
    for factor in linear.adapter?.factors ?? [] {
      add(
        [factor.parameter], .adapter,
        adapter: AdapterFactor(weight: linear.weight.name, part: factor.part))
    }
  }
}
