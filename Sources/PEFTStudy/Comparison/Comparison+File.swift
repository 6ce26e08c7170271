import PEFTData
import PEFTRuns
import PEFTTensor

extension Comparison {
  /// Writes `comparison.json` and `comparison.csv`.
  public func write(in output: OutputDirectory) throws(FileError) {
    let table = try output.file(Self.tableName)
    try writeTable(to: table)
    var document = json.object ?? [:]
    document["format"] = .integer(Self.sealedFormatVersion)
    var files = [Self.tableName: try Fingerprint.file(table)]
    if try output.has(EnvironmentReport.fileName) {
      files[EnvironmentReport.fileName] = try Fingerprint.file(
        output.path + "/" + EnvironmentReport.fileName)
    }
    document["files"] = RunManifest.json(of: files)
    try SealedFile.write(document, named: Self.fileName, to: output.file(Self.fileName))
  }

  /// Throws `malformed` if `comparison.json`, or the table or environment beside it, was changed.
  static func checkFiles(in directory: String) throws(FileError) {
    let document = try self.document(directory + "/" + fileName)
    for name in [tableName, EnvironmentReport.fileName] {
      let path = directory + "/" + name
      guard let digest = document["files"]?[name]?.string,
        try DirectoryHandle.entry(path) != nil, try Fingerprint.file(path) != digest
      else { continue }
      throw FileError(
        .malformed, path: path, reason: "its SHA-256 is not the one in \(fileName)",
        remedy: "compare again")
    }
  }

  /// The version number of the format with a digest of itself; the format before it had no number.
  private static let sealedFormatVersion = 2

  private static func document(_ path: String) throws(FileError) -> JSONValue {
    let (document, isSealed) = try SealedFile.read(path, named: fileName)
    guard document["format"]?.integer == (isSealed ? sealedFormatVersion : nil) else {
      throw FileError(
        .malformed, path: path, place: "format", reason: "not a comparison of this version",
        remedy: "compare again")
    }
    return document
  }

  /// Reads the comparison in `directory`.
  ///
  /// Throws `malformed` for anything that `json` could not have written.
  public static func read(_ directory: String) throws(FileError) -> Comparison {
    let path = directory + "/" + fileName
    let document = try self.document(path)
    guard let metric = document["metric"]?.string,
      let higherIsBetter = document["higherIsBetter"]?.bool
    else { throw wrong(path, "metric") }
    let numbers = CheckedNumbers(document, path: path, remedy: remedy)
    var comparison = Comparison(
      modelParameters: try numbers.count("modelParameters", in: 1...CheckedNumbers.largestCount),
      budget: try numbers.countIfPresent("budget", in: 0...Int.max), metric: metric,
      higherIsBetter: higherIsBetter)
    for (index, item) in (document["methods"]?.array ?? []).enumerated() {
      comparison.entries.append(try Entry(item, path: path, place: "methods[\(index)]"))
    }
    if let splits = document["baseline"]?.object {
      for (split, item) in splits.members {
        guard let baseline = Baseline(json: item) else { throw wrong(path, "baseline") }
        comparison.baselines.append((split, baseline))
      }
    }
    comparison.warnings = document["warnings"]?.array?.compactMap(\.string) ?? []
    comparison.remaining = document["remaining"]?.array?.compactMap(\.string) ?? []
    return comparison
  }

  fileprivate static let remedy = "compare again"

  fileprivate static func wrong(_ path: String, _ place: String) -> FileError {
    FileError(
      .malformed, path: path, place: place, reason: "it is missing or not understood",
      remedy: remedy)
  }
}

extension Comparison.Entry {
  fileprivate init(_ item: JSONValue, path: String, place: String) throws(FileError) {
    guard let label = item["name"]?.string, let items = item["runs"]?.array else {
      throw Comparison.wrong(path, place)
    }
    let numbers = CheckedNumbers(item, path: path, place: place, remedy: Comparison.remedy)
    var runs: [Comparison.Run] = []
    for (index, run) in items.enumerated() {
      runs.append(try Comparison.Run(run, path: path, place: "\(place).runs[\(index)]"))
    }
    self.init(
      label: label, isSelection: label == Comparison.selectionLabel,
      trainable: try numbers.count("trainable", in: 1...CheckedNumbers.largestCount),
      learningRate: try numbers.number("learningRate"), runs: runs,
      probeSeconds: try numbers.seconds("probeSeconds"))
  }
}

extension Comparison.Run {
  fileprivate init(_ item: JSONValue, path: String, place: String) throws(FileError) {
    guard let seed = item["seed"]?.string.flatMap({ UInt64($0) }),
      let splits = item["metrics"]?.object
    else { throw Comparison.wrong(path, place) }
    let numbers = CheckedNumbers(item, path: path, place: place, remedy: Comparison.remedy)
    self.init(
      seed: seed, metrics: splits.members.map { ($0.key, RunManifest.metrics($0.value)) },
      seconds: try numbers.seconds("seconds"), steps: try numbers.count("steps"),
      storedBytes: try numbers.countIfPresent("storedBytes", in: 0...Int.max),
      peakMemory: try numbers.countIfPresent("peakMemory", in: 0...Int.max))
  }
}
