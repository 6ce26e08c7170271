import Foundation
import PEFTModels
import PEFTTensor

/// A model that can predict: from a run directory, or a model directory with a trained head.
public struct TrainedModel {
  /// The model, with what was trained in place.
  public let model: SequenceClassifier
  /// Its tokenizer.
  public let tokenizer: Tokenizer
  /// What it predicts.
  public let task: PredictionTask
  /// The longest sequence, in tokens.
  public let maximumLength: Int

  /// Opens a run directory (it has `run.json`) or a model directory (it has `config.json`).
  ///
  /// A run refuses a base model whose weights are not the ones it was trained on. A model directory
  /// must have a trained head.
  public static func open(_ directory: String) throws(FileError) -> TrainedModel {
    if FileManager.default.fileExists(atPath: directory + "/run.json") {
      return try openRun(directory)
    }
    if FileManager.default.fileExists(atPath: directory + "/settings.json") {
      throw FileError(
        .notFound, path: directory + "/run.json",
        reason: "the run did not end, so nothing complete was saved", remedy: "train again")
    }
    return try openModel(directory)
  }

  private static func openRun(_ directory: String) throws(FileError) -> TrainedModel {
    let path = directory + "/run.json"
    let manifest = try JSONValue(contentsOf: path)
    guard manifest["format"]?.integer == RunManifest.formatVersion,
      let modelDirectory = manifest["model"]?["directory"]?.string,
      let digests = manifest["model"]?["files"]?.object,
      let method = manifest["method"].flatMap(AdaptationMethods.method(json:)),
      let pooling = manifest["pooling"]?.string.flatMap(Pooling.init(rawValue:)),
      let maximumLength = manifest["maximumLength"]?.integer, maximumLength > 0,
      let taskDescription = manifest["task"]
    else {
      throw FileError(
        .malformed, path: path, reason: "not the manifest of a run of this version",
        remedy: "train again with this version")
    }
    let task = try PredictionTask(json: taskDescription, path: path)
    try verify(modelDirectory, has: digests, run: path)
    try verifyFiles(of: manifest, directory: directory)
    let generator = SeededGenerator(seed: 0, purpose: "weights")
    let (model, _) = try SequenceClassifier.load(
      directory: modelDirectory, pooling: pooling, outputCount: task.outputCount, using: generator)
    method.attach(to: model, using: generator)
    try TrainedTensors.load(directory + "/" + TrainedTensors.fileName, into: model)
    return TrainedModel(
      model: model, tokenizer: try Tokenizer.load(directory: modelDirectory), task: task,
      maximumLength: min(maximumLength, model.configuration.maximumLength))
  }

  private static func openModel(_ directory: String) throws(FileError) -> TrainedModel {
    let configuration = try EncoderConfiguration(directory: directory)
    let path = directory + "/config.json"
    let names = plain(configuration.labelNames ?? ["LABEL_0", "LABEL_1"])
    let task: PredictionTask =
      names.count == 1
      ? .regression
      : .classification(try LabelMap(json: .array(names.map { .string($0) }), path: path))
    let (model, report) = try SequenceClassifier.load(
      directory: directory, pooling: .first, outputCount: task.outputCount,
      using: SeededGenerator(seed: 0, purpose: "weights"))
    guard report.newlyInitialized.isEmpty else {
      throw FileError(
        .unsupported, path: directory,
        reason: "it has no trained head: \(report.newlyInitialized.joined(separator: ", ")) "
          + "would be random",
        remedy: "name a run directory, or train first with `peft train`")
    }
    return TrainedModel(
      model: model, tokenizer: try Tokenizer.load(directory: directory), task: task,
      maximumLength: configuration.maximumLength)
  }

  /// `LABEL_0`, `LABEL_1`, … are nobody's labels: data files then have the numbers.
  private static func plain(_ names: [String]) -> [String] {
    let isGeneric = names.enumerated().allSatisfy { $1 == "LABEL_\($0)" }
    return isGeneric ? names.indices.map(String.init) : names
  }

  private static func verify(
    _ modelDirectory: String, has digests: JSONObject, run path: String
  ) throws(FileError) {
    let found = try Fingerprint.weights(ofModel: modelDirectory)
    let expected = Dictionary(
      uniqueKeysWithValues: digests.members.map { ($0.key, $0.value.string ?? "") })
    guard found == expected else {
      throw FileError(
        .malformed, path: modelDirectory,
        reason: "these are not the weights that \(path) was trained on: their SHA-256 differs",
        remedy: "restore the base model, or train again on this one")
    }
  }

  private static func verifyFiles(
    of manifest: JSONValue, directory: String
  ) throws(FileError) {
    for (name, digest) in manifest["files"]?.object?.members.map({ ($0.key, $0.value) }) ?? [] {
      let path = directory + "/" + name
      guard try Fingerprint.file(path) == digest.string else {
        throw FileError(
          .malformed, path: path, reason: "its SHA-256 is not the one in run.json",
          remedy: "copy the run again, or train again")
      }
    }
  }
}
