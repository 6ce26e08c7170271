import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

extension Plan {
  /// The version number of the format without a digest of itself, as the first version wrote it.
  private static let formatVersion = 1
  /// The version number of the format with a digest of itself.
  private static let sealedFormatVersion = 2

  /// Writes the plan to `path`, with the digest of its own bytes.
  public func write(to path: String) throws(FileError) {
    var document = json.object ?? [:]
    document["format"] = .integer(Self.sealedFormatVersion)
    try SealedFile.write(document, named: Self.fileName, to: path)
  }

  /// The document, `plan.json`, without its own digest.
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
    document["anchor"] = anchor?.json
    document["goal"] = goal?.json
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
  /// Throws `malformed`, with the place, for anything that `json` could not have written. It does
  /// not test whether the numbers are consistent; `check` does.
  ///
  /// - Parameter checking: whether to refuse a file that was changed after it was written.
  public static func read(_ path: String, checking: Bool = true) throws(FileError) -> Plan {
    let path = isDirectory(path) ? path + "/" + fileName : path
    let (document, isSealed) = try SealedFile.read(path, named: fileName, checking: checking)
    let remedy = "select again"
    func wrong(_ place: String, _ reason: String) -> FileError {
      FileError(.malformed, path: path, place: place, reason: reason, remedy: remedy)
    }
    func numbers(_ place: String, _ item: JSONValue) -> CheckedNumbers {
      CheckedNumbers(item, path: path, place: place, remedy: remedy)
    }
    let whole = numbers("", document)
    let sums = 0...Double.greatestFiniteMagnitude
    guard
      document["format"]?.integer == (isSealed ? sealedFormatVersion : formatVersion)
    else {
      throw wrong("format", "not a plan of this version")
    }
    guard let model = document["model"], let directory = model["directory"]?.string,
      let files = model["files"]?.object
    else { throw wrong("model", "the model is not described") }
    guard let isProven = document["proven"]?.bool else {
      throw wrong("proven", "it is missing")
    }
    var groups: [Group] = []
    for (index, item) in (document["groups"]?.array ?? []).enumerated() {
      let place = "groups[\(index)]"
      guard let group = try group(item, numbers(place, item)) else {
        throw wrong(place, "the group is not described, or its members not understood")
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
      let place = "items[\(index)]"
      guard let name = entry["name"]?.string else { throw wrong(place, "its name is missing") }
      let numbers = numbers(place, entry)
      items.append(
        Item(
          name: name,
          parameters: try numbers.count("parameters", in: 1...ParameterGroup.parameterLimit),
          value: try numbers.number("value", in: sums),
          exclusionClass: try numbers.countIfPresent("exclusionClass"),
          isFixed: entry["fixed"]?.bool ?? false))
    }
    let times = 0...CheckedNumbers.longestTime
    var plan = Plan(
      modelDirectory: directory,
      modelFiles: Dictionary(
        files.members.map { ($0.key, $0.value.string ?? "") },
        uniquingKeysWith: { first, _ in first }),
      modelParameters: try numbers("model", model)
        .count("parameters", in: 1...CheckedNumbers.largestCount),
      budget: try whole.count("budget", in: 1...Int.max), groups: groups,
      weight: try whole.count("weight", in: 1...Int.max),
      value: try whole.number("value", in: sums),
      upperBound: try whole.number("upperBound", in: sums), isProven: isProven,
      solver: document["solver"]?.string ?? "", valueRule: document["valueRule"]?.string ?? "",
      interaction: try document["interaction"].map { (item) throws(FileError) in
        try interaction(numbers("interaction", item), item)
      } ?? nil,
      stability: try document["stability"].map { (item) throws(FileError) in
        try stability(numbers("stability", item), groups)
      }, items: items,
      probeSeconds: try whole.numberIfPresent("probeSeconds", in: times) ?? 0)
    for (name, digest) in document["files"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
      guard let digest = digest.string, !name.contains("/") else { throw wrong("files", name) }
      plan.files[name] = digest
    }
    plan.anchor = try document["anchor"].map { (item) throws(FileError) in
      try Anchor(item, path: path)
    }
    plan.goal = try document["goal"].map { (item) throws(FileError) in
      try GoalRecord(item, path: path)
    }
    return plan
  }

  /// Throws `malformed` if a file beside the plan at `path` does not match the plan's digest.
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
        remedy: "select again")
    }
  }

  private static func group(
    _ item: JSONValue, _ numbers: CheckedNumbers
  ) throws(FileError) -> Group? {
    guard let name = item["name"]?.string,
      let kind = item["kind"]?.string.flatMap(ParameterKind.init(rawValue:)),
      let members = item["members"]?.array
    else { return nil }
    let known = members.compactMap { $0.string.flatMap(ParameterGroup.Member.init) }
    guard !known.isEmpty, known.count == members.count else { return nil }
    return Group(
      group: ParameterGroup(
        name: name, kind: kind, layer: try numbers.countIfPresent("layer"),
        parameterCount: try numbers.count("parameters", in: 1...ParameterGroup.parameterLimit),
        members: known, exclusionClass: nil),
      value: try numbers.number("value"), step: try numbers.numberIfPresent("step") ?? 0,
      frequency: try numbers.numberIfPresent("frequency", in: 0...1))
  }

  private static func stability(
    _ numbers: CheckedNumbers, _ groups: [Group]
  ) throws(FileError) -> SelectionStability {
    SelectionStability(
      frequencies: groups.map { $0.frequency ?? 0 }, valueMean: try numbers.number("valueMean"),
      valueDeviation: try numbers.number("valueDeviation"),
      resampleCount: try numbers.count("resamples"))
  }

  private static func interaction(
    _ numbers: CheckedNumbers, _ item: JSONValue
  ) throws(FileError) -> Interaction? {
    guard let isObjective = item["isObjective"]?.bool else { return nil }
    return Interaction(
      value: try numbers.number("value"), additiveValue: try numbers.number("additiveValue"),
      isObjective: isObjective)
  }
}
