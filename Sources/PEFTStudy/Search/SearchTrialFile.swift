import PEFTRuns
import PEFTTensor

/// The file of a trial, written whole whenever the trial has been judged.
enum SearchTrialFile {
  /// The name of the document's own digest.
  private static let digestName = "trial.json"
  private static let formatVersion = 1
  private static let remedy = "remove the file and resume the search"

  /// Writes a trial made with `recipe`.
  static func write(
    _ trial: SearchTrial, of space: SearchSpace, recipe: JSONObject, to path: String
  ) throws(FileError) {
    let document: JSONObject = [
      "format": .integer(formatVersion), "number": .integer(trial.number),
      "settings": .object(trial.settings(of: space)),
      "scores": .array(trial.scores.map(\.json)), "ending": .string(trial.ending.rawValue),
      "steps": .integer(trial.steps), "seconds": .number(trial.seconds),
      "trainable": .integer(trial.trainable), "recipe": .object(recipe),
    ]
    try SealedFile.write(document, named: digestName, to: path)
  }

  /// Reads the file of the trial `wanted`, which must have been made with its settings, with
  /// `recipe`, and in a search that compares after the same steps.
  ///
  /// - Parameter steps: the number of steps of this trial until every rung, the end last.
  static func read(
    _ path: String, as wanted: SearchTrial, of space: SearchSpace, comparedAfter steps: [Int],
    recipe: JSONObject
  ) throws(FileError) -> SearchTrial {
    let (document, isSealed) = try SealedFile.read(path, named: digestName)
    func malformed(_ reason: String) -> FileError {
      FileError(.malformed, path: path, reason: reason, remedy: remedy)
    }
    guard isSealed, document["format"]?.integer == formatVersion,
      document["number"]?.integer == wanted.number,
      let settings = document["settings"]?.object, let found = document["recipe"]?.object,
      let ending = document["ending"]?.string.flatMap(SearchTrial.Ending.init(rawValue:)),
      let scores = document["scores"]?.array, !scores.isEmpty || ending == .diverged
    else { throw malformed("not a trial of this version") }
    guard settings == wanted.settings(of: space) else {
      throw FileError(
        .malformed, path: path, place: "settings",
        reason: "the trial has \(JSONValue.object(settings).text()), and now it would have "
          + JSONValue.object(wanted.settings(of: space)).text(),
        remedy: "use the file and the seed that the search was started with, or start again with "
          + "`overwrite`")
    }
    try Recipe.check(found, is: recipe, path: path)
    let numbers = CheckedNumbers(document, path: path, remedy: remedy)
    var trial = wanted
    trial.scores = try scores.enumerated().map { (item) throws(FileError) in
      SearchTrial.Score(
        step: try CheckedNumbers(
          item.element, path: path, place: "scores.\(item.offset)", remedy: remedy
        ).count("step"), metrics: RunManifest.metrics(item.element["metrics"] ?? .null))
    }
    trial.ending = ending
    // The last score of a finished trial is that of its best step, whichever that is.
    let compared = ending == .finished ? trial.scores.dropLast() : trial.scores[...]
    for (rung, score) in compared.enumerated()
    where !steps.indices.contains(rung) || score.step != steps[rung] {
      throw FileError(
        .malformed, path: path, place: "scores.\(rung)",
        reason: "the trial was compared after \(score.step) steps, and now it would be "
          + (steps.indices.contains(rung) ? "after \(steps[rung])" : "only \(steps.count) times"),
        remedy: "use the number of trials and the settings of halving that the search was started "
          + "with, or start again with `overwrite`")
    }
    trial.steps = try numbers.count("steps")
    trial.seconds = try numbers.seconds("seconds")
    trial.trainable = try numbers.count("trainable")
    return trial
  }
}

extension SearchTrial {
  /// The settings by name.
  func settings(of space: SearchSpace) -> JSONObject {
    var object = JSONObject()
    for (name, value) in zip(space.names, values) { object[name] = .string(value) }
    return object
  }
}

extension SearchTrial.Score {
  /// The score in a file.
  var json: JSONValue {
    .object(["step": .integer(step), "metrics": RunManifest.json(of: metrics)])
  }
}
