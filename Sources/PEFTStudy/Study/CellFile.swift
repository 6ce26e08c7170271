import PEFTRuns
import PEFTTensor

/// The file of a suite's run.
enum CellFile {
  /// The name of the document's own digest.
  private static let digestName = "cell.json"
  /// The version number of the format without a digest of itself, as the first version wrote it.
  private static let formatVersion = 1
  /// The version number of the format with a digest of itself.
  private static let sealedFormatVersion = 2

  /// Writes a run made with `recipe` to `path`, with the digest of its own bytes.
  static func write(_ run: StudyRun, recipe: JSONObject, to path: String) throws(FileError) {
    try SealedFile.write(json(of: run, recipe: recipe), named: digestName, to: path)
  }

  private static func json(of run: StudyRun, recipe: JSONObject) -> JSONObject {
    var splits = JSONObject()
    for (split, values) in run.metrics { splits[split] = RunManifest.json(of: values) }
    return [
      "format": .integer(Self.sealedFormatVersion), "seed": .string(String(run.seed)),
      "learningRate": .number(run.learningRate), "trainable": .integer(run.trainable),
      "head": .integer(run.footprint?.head ?? 0),
      "parameters": .integer(run.footprint?.parameters ?? 1),
      "storedBytes": .integer(run.footprint?.storedBytes ?? 0), "steps": .integer(run.steps),
      "seconds": .number(run.seconds), "probeSeconds": .number(run.probeSeconds),
      "peakMemory": .integer(run.footprint?.peakMemory ?? 0), "metrics": .object(splits),
      "recipe": .object(recipe),
    ]
  }

  /// Reads the file of a run, which must have been made with `recipe`.
  static func read(_ path: String, recipe: JSONObject) throws(FileError) -> StudyRun {
    let (document, isSealed) = try SealedFile.read(path, named: digestName)
    let remedy = "remove the file and resume the suite"
    guard document["format"]?.integer == (isSealed ? sealedFormatVersion : formatVersion),
      let seed = document["seed"]?.string.flatMap({ UInt64($0) }),
      let splits = document["metrics"]?.object, let found = document["recipe"]?.object
    else {
      throw FileError(
        .malformed, path: path, reason: "not the result of a suite's run of this version",
        remedy: remedy)
    }
    try Recipe.check(found, is: recipe, path: path)
    let numbers = CheckedNumbers(document, path: path, remedy: remedy)
    return StudyRun(
      seed: seed, learningRate: try numbers.number("learningRate"),
      trainable: try numbers.count("trainable"), steps: try numbers.count("steps"),
      seconds: try numbers.seconds("seconds"), probeSeconds: try numbers.seconds("probeSeconds"),
      metrics: splits.members.map { ($0.key, RunManifest.metrics($0.value)) },
      footprint: StudyRun.Footprint(
        head: try numbers.count("head"),
        parameters: try numbers.count("parameters", in: 1...CheckedNumbers.largestCount),
        storedBytes: try numbers.count("storedBytes"),
        peakMemory: try numbers.count("peakMemory")))
  }
}
