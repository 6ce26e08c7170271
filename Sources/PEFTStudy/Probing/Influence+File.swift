import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

extension Influence {
  /// The version number of the format that stored settings as texts.
  fileprivate static let textFormatVersion = 1
  /// The version number of the format without a digest of itself.
  fileprivate static let formatVersion = 2
  /// The version number of the format with a digest of itself.
  fileprivate static let sealedFormatVersion = 3
  /// The largest number of groups for which individual probes are stored in the file.
  private static let recordLimit = 20_000

  /// The path of the file at `path`, or in the directory `path`.
  public static func path(_ path: String) -> String {
    isDirectory(path) ? path + "/" + fileName : path
  }

  /// Writes the influences to `path`, with the digest of their own bytes.
  public func write(to path: String) throws(FileError) {
    var document = json.object ?? [:]
    document["format"] = .integer(Self.sealedFormatVersion)
    try SealedFile.write(document, named: Self.fileName, to: path)
  }

  /// The document, `influence.json`, without its own digest.
  public var json: JSONValue {
    var document: JSONObject = [
      "format": .integer(Self.formatVersion),
      "model": .object([
        "directory": .string(modelDirectory),
        "files": Self.json(modelFiles.sorted { $0.key < $1.key }),
        "layers": .integer(layerCount), "output": output.json,
        "parameters": .integer(groups.modelParameterCount),
      ]),
      "settings": .object(settings),
      "rule": .string(ruleName),
      "value": .string(valueRule.name),
      "aggregation": .string(aggregation.rawValue),
      "complete": .bool(isComplete),
      "cost": .object([
        "headSteps": .integer(cost.headSteps), "warmSteps": .integer(cost.warmSteps),
        "headSeconds": .number(cost.headSeconds),
        "directionBatches": .integer(cost.directionBatches),
        "probeBatches": .integer(cost.probeBatches), "seconds": .number(cost.seconds),
        "trainingBatches": cost.trainingBatches.map { .integer($0) } ?? .null,
      ]),
    ]
    document["agreement"] = agreement.map { .number($0) }
    if case .trustRegion(let reach) = valueRule { document["reach"] = .number(reach) }
    document["groups"] = .array(groups.indices.map(groupJSON))
    if groups.count <= Self.recordLimit {
      document["probes"] = .array(records.map(Self.json))
    }
    if let interactions {
      document["interactions"] = .array(
        groups.indices.map { row in
          Self.json(Array(interactions[row * groups.count..<(row + 1) * groups.count]))
        })
    }
    document["recipe"] = recipe.map { .object($0) }
    return .object(document)
  }

  private func groupJSON(_ index: Int) -> JSONValue {
    let (group, influence) = (groups[index], influences[index])
    var object: JSONObject = [
      "name": .string(group.name), "kind": .string(group.kind.rawValue),
      "parameters": .integer(group.parameterCount),
      "slope": .number(influence.slope), "slopeError": .number(influence.slopeError),
      "curvature": .number(influence.curvature),
      "curvatureError": .number(influence.curvatureError),
      "value": .number(influence.value), "valueError": .number(influence.valueError),
      "perParameterInfluence": .number(influence.value / Double(group.parameterCount)),
      "step": .number(influence.step), "verdict": .string(influence.verdict.rawValue),
      "fixed": .bool(group.isFixed),
    ]
    object["layer"] = group.layer.map { .integer($0) }
    object["exclusionClass"] = group.exclusionClass.map { .integer($0) }
    var others = JSONObject()
    for (name, values) in predictors { others[name] = .number(values[index]) }
    object["predictors"] = .object(others)
    object["members"] = .array(group.members.map { .string($0.description) })
    return .object(object)
  }

  private static func json(_ record: ProbeRecord) -> JSONValue {
    .object([
      "examples": .integer(record.exampleCount), "slopes": json(record.slopes),
      "curvatures": json(record.curvatures),
      "accepted": .array(record.isAccepted.map { .bool($0) }),
    ])
  }

  private static func json(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }

  private static func json(_ pairs: [(key: String, value: String)]) -> JSONValue {
    var object = JSONObject()
    for (key, value) in pairs { object[key] = .string(value) }
    return .object(object)
  }

  /// Reads the file at `path`, or the one in the run directory `path`.
  ///
  /// Throws `malformed` for a file that was changed after it was written, and, with the place, for
  /// anything that `json` could not have written.
  public static func read(_ path: String) throws(FileError) -> Influence {
    let path = isDirectory(path) ? path + "/" + fileName : path
    let (document, isSealed) = try SealedFile.read(path, named: fileName)
    var reader = InfluenceReader(document: document, isSealed: isSealed, path: path)
    return try reader.influence()
  }
}

private struct InfluenceReader {
  let document: JSONValue
  let isSealed: Bool
  let path: String

  private static let layerLimit = 10_000

  mutating func influence() throws(FileError) -> Influence {
    let formats =
      isSealed
      ? [Influence.sealedFormatVersion] : [Influence.textFormatVersion, Influence.formatVersion]
    guard let format = document["format"]?.integer, formats.contains(format) else {
      throw wrong("format", "not a file of influences of this version")
    }
    guard let model = document["model"], let directory = model["directory"]?.string,
      let files = strings(model["files"]), let layers = model["layers"]?.integer,
      (1...Self.layerLimit).contains(layers),
      let output = model["output"].flatMap(ModelOutput.init(json:))
    else { throw wrong("model", "the model is not described") }
    guard let rule = document["rule"]?.string, var settings = document["settings"]?.object,
      let aggregation = document["aggregation"]?.string.flatMap(ProbeAggregation.init)
    else { throw wrong("settings", "the settings are not described") }
    if format == Influence.textFormatVersion {
      settings = try RecipeVersion1.probeSettings(settings, path: path)
    }
    guard let items = document["groups"]?.array, !items.isEmpty else {
      throw wrong("groups", "there are no groups")
    }
    var groups: [ParameterGroup] = []
    var influences: [GroupInfluence] = []
    for (index, item) in items.enumerated() {
      let (group, influence) = try self.group(item, place: "groups[\(index)]")
      guard group.layer.map((0..<layers).contains) ?? true else {
        throw wrong("groups[\(index)].layer", "the model has \(layers) layers")
      }
      groups.append(group)
      influences.append(influence)
    }
    if Set(groups.map(\.name)).count != groups.count {
      throw wrong("groups", "two groups have one name")
    }
    var influence = Influence(
      modelDirectory: directory,
      modelFiles: Dictionary(
        files.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }),
      layerCount: layers, output: output, ruleName: rule,
      settings: settings, valueRule: try valueRule(),
      aggregation: aggregation, groups: groups, influences: influences,
      records: try records(groups.count), interactions: try interactions(groups.count),
      predictors: predictors(items),
      agreement: try numbers("", document).numberIfPresent("agreement", in: 0...1),
      isComplete: document["complete"]?.bool ?? false,
      cost: try cost(numbers("cost", document["cost"] ?? .null)))
    influence.recipe = document["recipe"]?.object
    return influence
  }

  private func cost(_ numbers: CheckedNumbers) throws(FileError) -> Influence.Cost {
    let times = 0...CheckedNumbers.longestTime
    return Influence.Cost(
      headSteps: try numbers.countIfPresent("headSteps") ?? 0,
      warmSteps: try numbers.countIfPresent("warmSteps") ?? 0,
      headSeconds: try numbers.numberIfPresent("headSeconds", in: times) ?? 0,
      directionBatches: try numbers.countIfPresent("directionBatches") ?? 0,
      probeBatches: try numbers.countIfPresent("probeBatches") ?? 0,
      seconds: try numbers.numberIfPresent("seconds", in: times) ?? 0,
      trainingBatches: try numbers.countIfPresent("trainingBatches"))
  }

  private func valueRule() throws(FileError) -> InfluenceRule {
    switch document["value"]?.string {
    case "newton": return .newton
    case "slope": return .slope
    case "trust-region":
      guard let reach = document["reach"]?.double, reach > 0, reach.isFinite else { break }
      return .trustRegion(reach: reach)
    default: break
    }
    throw wrong("value", "not a rule of this version")
  }

  private func group(
    _ item: JSONValue, place: String
  ) throws(FileError) -> (ParameterGroup, GroupInfluence) {
    guard let name = item["name"]?.string,
      let kind = item["kind"]?.string.flatMap(ParameterKind.init(rawValue:))
    else { throw wrong(place, "name or kind is missing") }
    let numbers = numbers(place, item)
    let members = (item["members"]?.array ?? []).map {
      $0.string.flatMap(ParameterGroup.Member.init)
    }
    let known = members.compactMap(\.self)
    guard !known.isEmpty, known.count == members.count else {
      throw wrong(place, "its members are missing or not understood")
    }
    /// An unknown error is infinite and is written as null.
    func error(_ key: String) throws(FileError) -> Double {
      if case .null? = item[key] { return .infinity }
      return try numbers.number(key, in: 0...(.greatestFiniteMagnitude))
    }
    guard let verdict = item["verdict"]?.string.flatMap(GroupInfluence.Verdict.init(rawValue:))
    else { throw wrong("\(place).verdict", "not a verdict of this version") }
    return (
      ParameterGroup(
        name: name, kind: kind, layer: try numbers.countIfPresent("layer"),
        parameterCount: try numbers.count("parameters", in: 1...ParameterGroup.parameterLimit),
        members: known, exclusionClass: try numbers.countIfPresent("exclusionClass")),
      GroupInfluence(
        slope: try numbers.number("slope"), slopeError: try error("slopeError"),
        curvature: try numbers.number("curvature"), curvatureError: try error("curvatureError"),
        value: try numbers.number("value", in: 0...(.greatestFiniteMagnitude)),
        valueError: try error("valueError"), step: try numbers.number("step"),
        verdict: verdict)
    )
  }

  private func records(_ count: Int) throws(FileError) -> [ProbeRecord] {
    var records: [ProbeRecord] = []
    for (index, item) in (document["probes"]?.array ?? []).enumerated() {
      let slopes = item["slopes"]?.array?.compactMap(\.double) ?? []
      let curvatures = item["curvatures"]?.array?.compactMap(\.double) ?? []
      let accepted = item["accepted"]?.array?.compactMap(\.bool) ?? []
      let examples = try numbers("probes[\(index)]", item)
        .count("examples", in: 1...CheckedNumbers.largestCount)
      guard [slopes.count, curvatures.count, accepted.count].allSatisfy({ $0 == count })
      else { throw wrong("probes[\(index)]", "it does not have one number for each group") }
      records.append(
        ProbeRecord(
          exampleCount: examples, slopes: slopes, curvatures: curvatures, isAccepted: accepted))
    }
    return records
  }

  private func interactions(_ count: Int) throws(FileError) -> [Double]? {
    guard let rows = document["interactions"]?.array else { return nil }
    let values = rows.flatMap { $0.array?.compactMap(\.double) ?? [] }
    guard values.count == count * count else {
      throw wrong("interactions", "not a matrix with a row and a column for each group")
    }
    return values
  }

  private func predictors(_ items: [JSONValue]) -> [(name: String, values: [Double])] {
    (items.first?["predictors"]?.object?.keys ?? []).map { name in
      (name, items.map { $0["predictors"]?[name]?.double ?? 0 })
    }
  }

  private func strings(_ value: JSONValue?) -> [(name: String, value: String)]? {
    value?.object?.members.compactMap { key, value in value.string.map { (key, $0) } }
  }

  private func numbers(_ place: String, _ item: JSONValue) -> CheckedNumbers {
    CheckedNumbers(item, path: path, place: place, remedy: Self.remedy)
  }

  private static let remedy = "probe again"

  private func wrong(_ place: String, _ reason: String) -> FileError {
    FileError(
      .malformed, path: path, place: place, reason: reason,
      remedy: Self.remedy)
  }
}
