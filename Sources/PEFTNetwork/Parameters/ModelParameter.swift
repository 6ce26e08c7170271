import PEFTTensor

/// A parameter of a model, with what grouping and transfer need to know of it.
public struct ModelParameter {
  /// The parameter itself.
  public let parameter: Parameter
  /// What it does.
  public let kind: ParameterKind
  /// The part of the network it stands in: `embeddings`, `layer.3`, `pooler`, `head`.
  public let place: String
  /// The number of its transformer layer, from 0; nil outside the layers.
  public let layer: Int?
  /// What it is inside its place, such as `attention.self.query.weight`: equal for parameters that
  /// do the same in different layers, and in larger models of the same family.
  public let role: String
  /// The stage of the objective that first uses it; see `Objective`.
  public let stage: Int
  /// For the parameters of an adapter: the adapted weight, and what probing may assume.
  public let adapter: AdapterFactor?

  /// A parameter and its place.
  public init(
    _ parameter: Parameter, kind: ParameterKind, place: String, layer: Int? = nil, role: String,
    stage: Int, adapter: AdapterFactor? = nil
  ) {
    self.parameter = parameter
    self.kind = kind
    self.place = place
    self.layer = layer
    self.role = role
    self.stage = stage
    self.adapter = adapter
  }
}

/// What a parameter is to the adapter that it belongs to.
public struct AdapterFactor: Hashable, Sendable {
  /// What probing may assume about a parameter of an adapter that is new.
  public enum Part: Hashable, Sendable {
    /// Nothing: it is one tensor of the adapter.
    case whole
    /// Its gradient is zero, because its product with another factor is, which begins at zero.
    case silent
    /// An adapter of a lower rank has its first columns.
    case columnPrefixes
  }

  /// The name of the weight [out, in] that is adapted.
  public let weight: String
  /// What probing may assume.
  public let part: Part

  /// A parameter of the adapter on `weight`.
  public init(weight: String, part: Part) {
    self.weight = weight
    self.part = part
  }
}
