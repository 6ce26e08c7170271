import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

extension RunManifest {
  /// The file's name in a run directory.
  public static let fileName = "run.json"

  /// Throws if a run is in `directory`, because other results would spoil it.
  public static func refuse(_ directory: String) throws(FileError) {
    let manifest = try DirectoryHandle.entry(directory + "/" + fileName)
    let settings = try DirectoryHandle.entry(directory + "/" + Self.settingsName)
    guard manifest != nil || settings != nil else { return }
    throw FileError(
      .storage, path: directory, reason: "it holds a run, which other results would spoil",
      remedy: "name another directory with `output`")
  }

  /// Reads the manifest of the run in `directory`.
  ///
  /// Throws `malformed` for anything that `json` could not have written.
  public static func read(_ directory: String) throws(FileError) -> RunManifest {
    let path = directory + "/" + fileName
    let (document, isSealed) = try SealedFile.read(path, named: fileName)
    let numbers = CheckedNumbers(
      document, path: path, remedy: "restore the file, or train again with this version")
    guard document["format"]?.integer == (isSealed ? sealedFormatVersion : formatVersion),
      let modelDirectory = document["model"]?["directory"]?.string,
      let modelFiles = digests(document["model"]?["files"]),
      let method = document["method"].flatMap(MethodCatalogue.standard.method(json:)),
      let pooling = document["pooling"]?.string.flatMap(Pooling.init(rawValue:)),
      let task = document["task"],
      let ending = document["ending"]?.string.flatMap(TrainingOutcome.Ending.init(rawValue:)),
      let seed = document["seed"]?.string.flatMap({ UInt64($0) }),
      let files = digests(document["files"])
    else {
      throw FileError(
        .malformed, path: path, reason: "not the manifest of a run of this version",
        remedy: "train again with this version")
    }
    let metrics = (document["metrics"]?.object?.members).map { splits in
      splits.map { (split: $0.key, values: Self.metrics($0.value)) }
    }
    var manifest = RunManifest(
      modelDirectory: modelDirectory, modelFiles: modelFiles, method: method,
      task: try TaskCatalogue.standard.task(json: task, path: path), pooling: pooling,
      maximumLength: try numbers.count("maximumLength", in: 1...CheckedNumbers.largestCount),
      seed: seed,
      counts: (
        try numbers.count("trainable", in: 1...CheckedNumbers.largestCount),
        try numbers.count("parameters", in: 1...CheckedNumbers.largestCount)
      ),
      outcome: try TrainingOutcome(
        ending, numbers, bestMetrics: document["metrics"]?["dev"].map(Self.metrics) ?? []),
      metrics: metrics ?? [])
    manifest.hasPairs = document["pairs"]?.bool
    manifest.files = files
    if let rates = document["rates"] { manifest.rates = try RateSearch(rates, path: path) }
    manifest.recipe = document["recipe"]?.object
    manifest.checks = try ScoreChecks(
      document, classCount: manifest.task.classes?.count ?? 0, path: path)
    return manifest
  }

  /// Metrics from a JSON object; a value that is not a number becomes NaN.
  public static func metrics(_ json: JSONValue) -> [(name: String, value: Double)] {
    json.object.map { object in
      object.members.map { (name: $0.key, value: $0.value.double ?? .nan) }
    } ?? []
  }

  /// Throws `malformed` for a file of the run in `directory` whose digest differs from the one in
  /// this manifest.
  package func checkFiles(
    in directory: String, where isMeant: (String) -> Bool = { _ in true }
  ) throws(FileError) {
    for name in files.keys.sorted() where isMeant(name) {
      try check(name, in: directory, is: Fingerprint.file(directory + "/" + name))
    }
  }

  /// Throws `malformed` if the file `name` of the run in `directory` does not have this digest.
  package func check(
    _ name: String, in directory: String, is digest: String
  ) throws(FileError) {
    guard let expected = files[name], expected != digest else { return }
    throw FileError(
      .malformed, path: directory + "/" + name,
      reason: "its SHA-256 is not the one in \(Self.fileName)",
      remedy: "copy the run again, or train again")
  }

  /// Writes the manifest to `path`, with its own digest.
  public func write(to path: String) throws(FileError) {
    var document = json.object ?? [:]
    document["format"] = .integer(Self.sealedFormatVersion)
    try SealedFile.write(document, named: Self.fileName, to: path)
  }

  private static func digests(_ json: JSONValue?) -> [String: String]? {
    guard let object = json?.object else { return nil }
    var digests: [String: String] = [:]
    for (name, digest) in object.members {
      guard let digest = digest.string, !name.contains("/") else { return nil }
      digests[name] = digest
    }
    return digests
  }
}

extension TrainingOutcome {
  /// The outcome of a run as recorded in `run.json`.
  fileprivate init(
    _ ending: Ending, _ numbers: CheckedNumbers, bestMetrics: [(name: String, value: Double)]
  ) throws(FileError) {
    self.init(
      ending: ending, steps: try numbers.count("steps"),
      plannedSteps: try numbers.count("plannedSteps"), bestStep: try numbers.count("bestStep"),
      bestMetrics: bestMetrics, seconds: try numbers.seconds("seconds"),
      tokensPerSecond: try numbers.number("tokensPerSecond", in: 0...1e15),
      choosingSeconds: try numbers.secondsIfPresent("choosingSeconds") ?? 0)
  }
}
