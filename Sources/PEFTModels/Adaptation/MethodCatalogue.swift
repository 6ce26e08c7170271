import PEFTTensor

/// The methods by name, and their form in files.
public struct MethodCatalogue: Sendable {
  /// Methods that a user may ask for by name, in the order of size.
  public let offered: [any AdaptationMethod.Type]
  /// Methods that come of something else, such as a plan.
  public let others: [any AdaptationMethod.Type]

  /// A catalogue of these methods.
  public init(
    offered: [any AdaptationMethod.Type], others: [any AdaptationMethod.Type] = []
  ) {
    self.offered = offered
    self.others = others
  }

  /// The methods of this package. A new one is a file, and a word here.
  public static let standard = MethodCatalogue(
    offered: [
      FullTuning.self, LowRankAdaptation.self, WeightDecomposedAdaptation.self, BiasTuning.self,
      NormTuning.self, VectorScaling.self, HeadTuning.self, IncrementalUnmasking.self,
    ], others: [SelectedTuning.self])

  /// The names that a user may ask for.
  public var names: [String] { offered.map { $0.name } }

  /// The type of the offered method called `name`; nil for an unknown name.
  public func type(named name: String) -> (any AdaptationMethod.Type)? {
    offered.first { $0.name == name }
  }

  /// The offered method called `name` with its usual settings; nil for an unknown name.
  public func method(named name: String) -> (any AdaptationMethod)? {
    type(named: name).map { $0.init() }
  }

  /// A method as JSON, with its settings.
  public func json(of method: any AdaptationMethod) -> JSONValue {
    var object: JSONObject = ["name": .string(method.name)]
    for (key, value) in method.settings.members { object[key] = value }
    return .object(object)
  }

  /// The method that `json` describes; nil when it is not one of the catalogue's.
  public func method(json: JSONValue) -> (any AdaptationMethod)? {
    guard let name = json["name"]?.string,
      let type = (offered + others).first(where: { $0.name == name })
    else { return nil }
    var method: any AdaptationMethod = type.init()
    for (name, _) in method.settings.members {
      guard let value = json[name], (try? method.set(name, value)) != nil else { return nil }
    }
    return method
  }

  /// The adapters that `adapter_config.json` describes.
  ///
  /// Errors: `unsupported` where no method of the catalogue has them; those of
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
