import PEFTNetwork
import PEFTTensor

/// The methods by name, and their form in files.
public enum AdaptationMethods {
  /// Every name, in the order of size.
  public static let names = [
    FullTuning.name, LowRankAdaptation.name, BiasTuning.name, NormTuning.name, HeadTuning.name,
  ]

  /// The method called `name`; `lowRank` is the one to use for `lora`. Nil for an unknown name.
  public static func method(
    named name: String, lowRank: LowRankAdaptation = LowRankAdaptation()
  ) -> (any AdaptationMethod)? {
    switch name {
    case FullTuning.name: FullTuning()
    case HeadTuning.name: HeadTuning()
    case BiasTuning.name: BiasTuning()
    case NormTuning.name: NormTuning()
    case LowRankAdaptation.name: lowRank
    default: nil
    }
  }

  /// A method as JSON, with its settings.
  public static func json(of method: any AdaptationMethod) -> JSONValue {
    var object: JSONObject = ["name": .string(method.name)]
    if let lowRank = method as? LowRankAdaptation {
      object["rank"] = .integer(lowRank.rank)
      object["alpha"] = .number(lowRank.alpha)
      object["dropout"] = .number(lowRank.dropout)
      object["targets"] = .array(lowRank.targets.map { .string($0) })
    }
    if let selected = method as? SelectedTuning {
      object["members"] = .array(selected.members.map { .string($0.description) })
    }
    return .object(object)
  }

  /// The method that `json` describes; nil when it is not one of this package's.
  public static func method(json: JSONValue) -> (any AdaptationMethod)? {
    guard let name = json["name"]?.string else { return nil }
    if name == SelectedTuning.name {
      let members = json["members"]?.array?.map { $0.string.flatMap(ParameterGroup.Member.init) }
      guard let members, !members.contains(nil) else { return nil }
      return SelectedTuning(members: members.compactMap(\.self))
    }
    guard name == LowRankAdaptation.name else { return method(named: name) }
    guard let rank = json["rank"]?.integer, (1...AdapterCandidates.rankLimit).contains(rank),
      let alpha = json["alpha"]?.double, alpha.isFinite, let dropout = json["dropout"]?.double,
      (0..<1).contains(dropout), let targets = json["targets"]?.array
    else { return nil }
    return LowRankAdaptation(
      rank: rank, alpha: alpha, dropout: dropout, targets: targets.compactMap(\.string))
  }
}
