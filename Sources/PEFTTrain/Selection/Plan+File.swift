import PEFTSelect
import PEFTTensor

extension Plan {
  /// The number of the form of the file without a digest of itself, as the first version wrote it.
  private static let formatVersion = 1
  /// The number of the form that holds the digest of itself.
  private static let sealedFormatVersion = 2

  /// Writes it to `path`, with the digest of its own bytes.
  public func write(to path: String) throws(FileError) {
    var document = json.object ?? [:]
    document["format"] = .integer(Self.sealedFormatVersion)
    try SealedFile.write(document, named: Self.fileName, to: path)
  }

  /// The document, `plan.json`, without the digest of itself.
  public var json: JSONValue {
    var files = JSONObject()
    for (name, digest) in modelFiles.sorted(by: { $0.key < $1.key }) {
      files[name] = .string(digest)
    }
    var document: JSONObject = [
      "format": .integer(Self.formatVersion),
      "model": .object([
        "directory": .string(modelDirectory), "files": .object(files),
        "parameters": .integer(modelParameters),
      ]),
      "budget": .integer(budget),
      "weight": .integer(weight),
      "share": .number(Double(weight) / Double(modelParameters)),
      "value": .number(value),
      "upperBound": .number(upperBound),
      "proven": .bool(isProven),
      "solver": .string(solver),
      "valueRule": .string(valueRule),
      "probeSeconds": .number(probeSeconds),
    ]
    if let interaction {
      document["interaction"] = .object([
        "value": .number(interaction.value), "additiveValue": .number(interaction.additiveValue),
        "redundancy": .number(interaction.redundancy),
        "isObjective": .bool(interaction.isObjective),
      ])
    }
    if let stability {
      document["stability"] = .object([
        "resamples": .integer(stability.resampleCount), "valueMean": .number(stability.valueMean),
        "valueDeviation": .number(stability.valueDeviation),
      ])
    }
    document["files"] = RunManifest.json(of: self.files)
    document["groups"] = .array(groups.map(Self.json))
    document["items"] = .array(items.map(Self.json))
    return .object(document)
  }

  private static func json(_ item: Group) -> JSONValue {
    var object: JSONObject = [
      "name": .string(item.group.name), "kind": .string(item.group.kind.rawValue),
      "parameters": .integer(item.group.parameterCount), "value": .number(item.value),
      "step": .number(item.step), "fixed": .bool(item.group.isFixed),
    ]
    object["layer"] = item.group.layer.map { .integer($0) }
    object["frequency"] = item.frequency.map { .number($0) }
    object["members"] = .array(item.group.members.map { .string($0.description) })
    return .object(object)
  }

  private static func json(_ item: Item) -> JSONValue {
    var object: JSONObject = [
      "name": .string(item.name), "parameters": .integer(item.parameters),
      "value": .number(item.value),
    ]
    if item.isFixed { object["fixed"] = .bool(true) }
    object["exclusionClass"] = item.exclusionClass.map { .integer($0) }
    return .object(object)
  }

  /// Reads the file at `path`, or the one in the run directory `path`.
  ///
  /// Throws `malformed`, with the place, for anything that `json` would not have written. That the
  /// numbers agree with each other is for `check` to say.
  ///
  /// - Parameter checking: whether a file that was changed after it was written is refused too.
  public static func read(_ path: String, checking: Bool = true) throws(FileError) -> Plan {
    let path = isDirectory(path) ? path + "/" + fileName : path
    let (document, isSealed) = try SealedFile.read(path, named: fileName, checking: checking)
    func wrong(_ place: String, _ reason: String) -> FileError {
      FileError(
        .malformed, path: path, place: place, reason: reason,
        remedy: "write it again with `peft select`")
    }
    guard
      document["format"]?.integer == (isSealed ? sealedFormatVersion : formatVersion)
    else {
      throw wrong("format", "not a plan of this version")
    }
    guard let model = document["model"], let directory = model["directory"]?.string,
      let files = model["files"]?.object, let total = model["parameters"]?.integer, total > 0
    else { throw wrong("model", "the model is not described") }
    func number(_ key: String) throws(FileError) -> Double {
      guard let value = document[key]?.double, value.isFinite, value >= 0 else {
        throw wrong(key, "it is not a finite number from 0")
      }
      return value
    }
    guard let budget = document["budget"]?.integer, budget > 0,
      let weight = document["weight"]?.integer, weight > 0, let isProven = document["proven"]?.bool
    else { throw wrong("budget", "budget, weight or proven is missing") }
    var groups: [Group] = []
    for (index, item) in (document["groups"]?.array ?? []).enumerated() {
      guard let group = group(item) else {
        throw wrong("groups[\(index)]", "the group is not described, or its members not understood")
      }
      groups.append(group)
    }
    guard !groups.isEmpty else { throw wrong("groups", "there are none") }
    let members = groups.flatMap(\.group.members)
    guard Set(members).count == members.count else {
      throw wrong("groups", "a tensor or row is in two of them")
    }
    var items: [Item] = []
    for (index, entry) in (document["items"]?.array ?? []).enumerated() {
      guard let name = entry["name"]?.string, let parameters = entry["parameters"]?.integer,
        (1...ParameterGroup.parameterLimit).contains(parameters),
        let value = entry["value"]?.double, value.isFinite, value >= 0
      else { throw wrong("items[\(index)]", "name, parameters or value is missing") }
      items.append(
        Item(
          name: name, parameters: parameters, value: value,
          exclusionClass: entry["exclusionClass"]?.integer, isFixed: entry["fixed"]?.bool ?? false))
    }
    let isCharged = document["probeSeconds"] != nil
    var plan = Plan(
      modelDirectory: directory,
      modelFiles: Dictionary(
        files.members.map { ($0.key, $0.value.string ?? "") },
        uniquingKeysWith: { first, _ in first }),
      modelParameters: total, budget: budget, groups: groups, weight: weight,
      value: try number("value"), upperBound: try number("upperBound"), isProven: isProven,
      solver: document["solver"]?.string ?? "", valueRule: document["valueRule"]?.string ?? "",
      interaction: interaction(document["interaction"]),
      stability: stability(document["stability"], groups), items: items,
      probeSeconds: try isCharged ? number("probeSeconds") : 0)
    for (name, digest) in document["files"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
      guard let digest = digest.string, !name.contains("/") else { throw wrong("files", name) }
      plan.files[name] = digest
    }
    return plan
  }

  /// Throws `malformed` where a file beside the plan at `path` is not the one that belongs to it.
  public func checkFiles(beside path: String) throws(FileError) {
    let directory =
      isDirectory(path) ? path : path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    for (name, digest) in files.sorted(by: { $0.key < $1.key }) {
      let file = directory + "/" + name
      guard try DirectoryHandle.entry(file) != nil, try Fingerprint.file(file) != digest else {
        continue
      }
      throw FileError(
        .malformed, path: file, reason: "its SHA-256 is not the one in \(Plan.fileName)",
        remedy: "choose again with `peft select`")
    }
  }

  private static func group(_ item: JSONValue) -> Group? {
    guard let name = item["name"]?.string,
      let kind = item["kind"]?.string.flatMap(ParameterKind.init(rawValue:)),
      let parameters = item["parameters"]?.integer,
      (1...ParameterGroup.parameterLimit).contains(parameters),
      let value = item["value"]?.double, value.isFinite, let members = item["members"]?.array
    else { return nil }
    let known = members.compactMap { $0.string.flatMap(ParameterGroup.Member.init) }
    guard !known.isEmpty, known.count == members.count else { return nil }
    return Group(
      group: ParameterGroup(
        name: name, kind: kind, layer: item["layer"]?.integer, parameterCount: parameters,
        members: known, exclusionClass: nil),
      value: value, step: item["step"]?.double ?? 0, frequency: item["frequency"]?.double)
  }

  private static func stability(_ value: JSONValue?, _ groups: [Group]) -> SelectionStability? {
    guard let count = value?["resamples"]?.integer, let mean = value?["valueMean"]?.double,
      let deviation = value?["valueDeviation"]?.double
    else { return nil }
    return SelectionStability(
      frequencies: groups.map { $0.frequency ?? 0 }, valueMean: mean, valueDeviation: deviation,
      resampleCount: count)
  }

  private static func interaction(_ value: JSONValue?) -> Interaction? {
    guard let value, let joint = value["value"]?.double,
      let additive = value["additiveValue"]?.double, let isObjective = value["isObjective"]?.bool
    else { return nil }
    return Interaction(value: joint, additiveValue: additive, isObjective: isObjective)
  }
}
