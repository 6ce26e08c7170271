import PEFTRuns
import PEFTTensor

/// The file of a suite's run.
enum CellFile {
  private static let formatVersion = 1

  /// The document of a run made with `recipe`.
  static func json(of run: StudyRun, recipe: JSONObject) -> JSONValue {
    var splits = JSONObject()
    for (split, values) in run.metrics { splits[split] = RunManifest.json(of: values) }
    return .object([
      "format": .integer(Self.formatVersion), "seed": .string(String(run.seed)),
      "learningRate": .number(run.learningRate), "trainable": .integer(run.trainable),
      "head": .integer(run.footprint?.head ?? 0),
      "parameters": .integer(run.footprint?.parameters ?? 1),
      "storedBytes": .integer(run.footprint?.storedBytes ?? 0), "steps": .integer(run.steps),
      "seconds": .number(run.seconds), "probeSeconds": .number(run.probeSeconds),
      "peakMemory": .integer(run.footprint?.peakMemory ?? 0), "metrics": .object(splits),
      "recipe": .object(recipe),
    ])
  }

  /// Reads the file of a run, which must have been made with `recipe`.
  static func read(_ path: String, recipe: JSONObject) throws(FileError) -> StudyRun {
    let document = try JSONValue(contentsOf: path)
    let remedy = "remove the file and resume the suite"
    guard document["format"]?.integer == Self.formatVersion,
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
