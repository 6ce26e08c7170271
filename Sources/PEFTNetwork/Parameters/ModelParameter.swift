import PEFTTensor

/// A parameter of a model, with the properties that grouping and transfer use.
public struct ModelParameter {
  /// The parameter itself.
  public let parameter: Parameter
  /// The parameter's function in the network.
  public let kind: ParameterKind
  /// The part of the network that contains it: `embeddings`, `encoder`, `layer.3`, `pooler` or
  /// `head`.
  public let place: String
  /// The index of its transformer layer, from 0; nil outside the layers.
  public let layer: Int?
  /// Its role inside its place, such as `attention.self.query.weight`. Parameters with the same
  /// role do the same in different layers, and in larger models of the same family.
  public let role: String
  /// The stage of the objective that first uses it; see `Objective`.
  public let stage: Int
  /// For a parameter of an adapter: the adapted weight, and what probing may assume; otherwise nil.
  public let adapter: AdapterFactor?

  /// Creates a model parameter.
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

/// The relation of a parameter to the adapter to which it belongs.
public struct AdapterFactor: Hashable, Sendable {
  /// The assumptions that probing may make about a parameter of a new adapter.
  public enum Part: Hashable, Sendable {
    /// No assumptions: the parameter is one tensor of the adapter.
    case whole
    /// The gradient is zero, because the parameter is multiplied by another factor that is
    /// initialised to zero.
    case silent
    /// An adapter of lower rank consists of the first columns of this parameter.
    case columnPrefixes
  }

  /// The name of the weight [out, in] that is adapted.
  public let weight: String
  /// The assumptions that probing may make.
  public let part: Part
  /// The factor by which the parameter's learning rate differs from that of the run.
  public let rateFactor: Double

  /// Creates the description of a parameter of the adapter on `weight`.
  public init(weight: String, part: Part, rateFactor: Double = 1) {
    self.weight = weight
    self.part = part
    self.rateFactor = rateFactor
  }
}
