import PEFTData
import PEFTTensor

/// What the metrics of a run are judged by. Runs of earlier versions have none of it.
public struct ScoreChecks: Sendable {
  /// How often each answer occurs in the training data, for baselines on other data.
  public var trainingTargets: TargetCounts?
  /// The scores of answers that read no text, by split.
  public var baselines: [(split: String, baseline: Baseline)] = []
  /// The answers on the last of the splits; nil unless the task has classes.
  public var confusion: (split: String, matrix: ConfusionMatrix)?
  /// Sentences that say where the metrics are no better than chance.
  public var warnings: [String] = []

  /// Nothing is known.
  public init() {}

  /// The baseline on `split`.
  public func baseline(on split: String) -> Baseline? {
    baselines.first { $0.split == split }?.baseline
  }

  /// The members of `run.json`: `trainingTargets`, `baseline`, `confusion` and `warnings`, as far
  /// as they are known.
  var members: JSONObject {
    var document = JSONObject()
    document["trainingTargets"] = trainingTargets?.json
    document["baseline"] = baselines.isEmpty ? nil : baselineJSON
    document["confusion"] = confusion.map { .object([$0.split: $0.matrix.json]) }
    document["warnings"] = warnings.isEmpty ? nil : warningsJSON
    return document
  }

  /// The baselines by split.
  public var baselineJSON: JSONValue {
    var object = JSONObject()
    for (split, baseline) in baselines { object[split] = baseline.json }
    return .object(object)
  }

  /// The warnings as an array.
  public var warningsJSON: JSONValue { .array(warnings.map { .string($0) }) }

  /// Reads the members of `document`, the file `path`; `classCount` is that of the task.
  ///
  /// Throws `malformed` for anything that `members` could not have written.
  init(_ document: JSONValue, classCount: Int, path: String) throws(FileError) {
    func wrong(_ place: String) -> FileError {
      FileError(
        .malformed, path: path, place: place, reason: "it is not understood",
        remedy: "restore the file, or train again with this version")
    }
    if let json = document["trainingTargets"] {
      guard let counts = TargetCounts(json: json) else { throw wrong("trainingTargets") }
      switch counts {
      case .classes(let counts), .labels(let counts, _):
        if counts.count != classCount { throw wrong("trainingTargets") }
      case .values, .tokens: break
      }
      trainingTargets = counts
    }
    if let object = document["baseline"]?.object {
      for (split, json) in object.members {
        guard let baseline = Baseline(json: json) else { throw wrong("baseline") }
        baselines.append((split, baseline))
      }
    }
    if let (split, json) = document["confusion"]?.object?.members.first(where: { _ in true }) {
      guard let matrix = ConfusionMatrix(json: json, classCount: classCount) else {
        throw wrong("confusion")
      }
      confusion = (split, matrix)
    }
    warnings = document["warnings"]?.array?.compactMap(\.string) ?? []
  }
}
