import PEFTTensor

/// The available methods by name, and their representation in files.
public struct MethodCatalogue: Sendable {
  /// The methods that a user can request by name, ordered by size.
  public let offered: [any AdaptationMethod.Type]
  /// Methods that a user cannot request directly, such as one that follows a plan.
  public let others: [any AdaptationMethod.Type]

  /// Creates a catalogue of these methods.
  public init(
    offered: [any AdaptationMethod.Type], others: [any AdaptationMethod.Type] = []
  ) {
    self.offered = offered
    self.others = others
  }

  /// The methods of this package. To add one, add a file and an entry here.
  public static let standard = MethodCatalogue(
    offered: [
      FullTuning.self, LowRankAdaptation.self, WeightDecomposedAdaptation.self, BiasTuning.self,
      NormTuning.self, VectorScaling.self, HeadTuning.self, IncrementalUnmasking.self,
      SparseTuning.self, RowColumnTuning.self, CoreAdaptation.self, VectorProjection.self,
      RandomBasesAdaptation.self, ReflectionTuning.self, SingleReflectionTuning.self,
      RelaxedReflectionTuning.self,
      PowerScaling.self, DiagonalScaling.self, CirculantAdaptation.self,
      AdaptiveRankAdaptation.self, HalfLowRankAdaptation.self, ParameterTransformation.self,
      TensorAdaptation.self, SensitivityTuning.self, ModuleSearchAdaptation.self,
    ], others: [SelectedTuning.self])

  /// The names that a user can request, each followed by those of its variants.
  public var names: [String] { offered.flatMap { [$0.name] + $0.variantNames } }

  /// The type of the offered method called `name`; nil for an unknown name.
  public func type(named name: String) -> (any AdaptationMethod.Type)? {
    offered.first { $0.name == name }
  }

  /// The offered method called `name` with its usual settings, or the variant called so; nil for an
  /// unknown name.
  public func method(named name: String) -> (any AdaptationMethod)? {
    if let type = type(named: name) { return type.init() }
    for type in offered {
      if let variant = type.variant(named: name) { return variant }
    }
    return nil
  }

  /// A method and its settings as JSON.
  public func json(of method: any AdaptationMethod) -> JSONValue {
    var object: JSONObject = ["name": .string(method.name)]
    for (key, value) in method.settings.members { object[key] = value }
    return .object(object)
  }

  /// The method that `json` describes; nil if it is not in the catalogue.
  public func method(json: JSONValue) -> (any AdaptationMethod)? {
    guard let name = json["name"]?.string,
      let type = (offered + others).first(where: { $0.name == name })
    else { return nil }
    return type.init(settings: json)
  }

  /// The format of the adapters that `adapter_config.json` describes.
  ///
  /// Errors: `unsupported` if no method of the catalogue has such adapters; those of
  /// `AdaptationMethod.adapterFormat`.
  public func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> any AdapterFormat {
    for type in offered {
      if let format = try type.adapterFormat(configuration) { return format }
    }
    throw configuration.refusal("peft_type")
  }
}
