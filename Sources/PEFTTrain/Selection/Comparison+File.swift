import PEFTTensor

extension Comparison {
  /// Writes `comparison.json` and `comparison.csv`.
  public func write(in output: OutputDirectory) throws(FileError) {
    let table = try output.file(Self.tableName)
    try writeTable(to: table)
    var document = json.object ?? [:]
    document["files"] = RunManifest.json(of: [Self.tableName: try Fingerprint.file(table)])
    try SealedFile.write(document, named: Self.fileName, to: output.file(Self.fileName))
  }

  /// Throws `malformed` where `comparison.json` or the table beside it was changed.
  static func checkFiles(in directory: String) throws(FileError) {
    let (document, _) = try SealedFile.read(directory + "/" + fileName, named: fileName)
    let path = directory + "/" + tableName
    guard let digest = document["files"]?[tableName]?.string,
      try DirectoryHandle.entry(path) != nil, try Fingerprint.file(path) != digest
    else { return }
    throw FileError(
      .malformed, path: path, reason: "its SHA-256 is not the one in \(fileName)",
      remedy: "compare again")
  }

  /// Reads the comparison in `directory`.
  ///
  /// Throws `malformed` for anything that `json` would not have written.
  public static func read(_ directory: String) throws(FileError) -> Comparison {
    let path = directory + "/" + fileName
    let (document, _) = try SealedFile.read(path, named: fileName)
    func wrong(_ place: String) -> FileError {
      FileError(
        .malformed, path: path, place: place, reason: "it is missing or not understood",
        remedy: "compare again")
    }
    guard let metric = document["metric"]?.string,
      let higherIsBetter = document["higherIsBetter"]?.bool,
      let parameters = document["modelParameters"]?.integer, parameters > 0
    else { throw wrong("metric") }
    var comparison = Comparison(
      modelParameters: parameters, budget: document["budget"]?.integer, metric: metric,
      higherIsBetter: higherIsBetter)
    for (index, item) in (document["methods"]?.array ?? []).enumerated() {
      guard let entry = Entry(item) else { throw wrong("methods[\(index)]") }
      comparison.entries.append(entry)
    }
    return comparison
  }
}

extension Comparison.Entry {
  fileprivate init?(_ item: JSONValue) {
    guard let label = item["name"]?.string, let trainable = item["trainable"]?.integer,
      trainable > 0, let rate = item["learningRate"]?.double,
      let probeSeconds = item["probeSeconds"]?.double, let items = item["runs"]?.array
    else { return nil }
    let runs = items.compactMap(Comparison.Run.init)
    guard runs.count == items.count else { return nil }
    self.init(
      label: label, isSelection: label == Comparison.selectionLabel, trainable: trainable,
      learningRate: rate, runs: runs, probeSeconds: probeSeconds)
  }
}

extension Comparison.Run {
  fileprivate init?(_ item: JSONValue) {
    guard let seed = item["seed"]?.string.flatMap({ UInt64($0) }),
      let seconds = item["seconds"]?.double, let steps = item["steps"]?.integer,
      let splits = item["metrics"]?.object
    else { return nil }
    self.init(
      seed: seed, metrics: splits.members.map { ($0.key, RunManifest.metrics($0.value)) },
      seconds: seconds, steps: steps)
  }
}
