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
  /// For the factors of an adapter: the adapted weight, and which factor this is.
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

/// One factor of a low-rank addition s · B A to a weight.
public struct AdapterFactor: Hashable, Sendable {
  /// Which of the two.
  public enum Factor: Hashable, Sendable {
    /// A [R, in].
    case down
    /// B [out, R].
    case up
  }

  /// The name of the weight [out, in] it is added to.
  public let weight: String
  /// A or B.
  public let factor: Factor

  /// The factor `factor` of the addition to `weight`.
  public init(weight: String, factor: Factor) {
    self.weight = weight
    self.factor = factor
  }
}
