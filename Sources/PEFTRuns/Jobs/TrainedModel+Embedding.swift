import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

extension TrainedModel {
  /// A model that embeds texts.
  public struct Embedder {
    /// The model, whose output is pairs.
    public let trained: TrainedModel
    /// How its tokens become embeddings.
    public let settings: EmbeddingSettings
  }

  /// Opens a run trained on pairs, or any model directory, as a model that embeds texts.
  ///
  /// The embeddings of a run have the length 1, as its task compares cosines. Those of a model
  /// directory are what sentence-transformers makes of it.
  ///
  /// Throws `unsupported` for a run of another task.
  ///
  /// - Parameters:
  ///   - base: the current directory of a run's base model; nil means its original place.
  ///   - pooling: how to reduce the tokens; nil means as the model does.
  public static func embedder(
    _ directory: String, base: String? = nil, pooling: Pooling? = nil
  ) throws(FileError) -> Embedder {
    guard FileManager.default.fileExists(atPath: directory + "/" + RunManifest.fileName) else {
      return try openEmbedder(directory, as: Similarity(), pooling: pooling)
    }
    let run = try openRun(directory, base: base)
    guard run.manifest.task is any PairTask else {
      throw FileError(
        .unsupported, path: directory, place: "task",
        reason:
          "the run was trained for \(type(of: run.manifest.task).name), not on pairs of texts",
        remedy: "train with `task` similarity or retrieval, or embed with a model directory")
    }
    if let pooling, pooling != run.manifest.pooling {
      throw FileError(
        .unsupported, path: directory, place: "pooling",
        reason: "the run was trained with `pooling` \(run.manifest.pooling.rawValue)",
        remedy: "leave it out")
    }
    return Embedder(
      trained: run.trained,
      settings: EmbeddingSettings(
        pooling: run.manifest.pooling, isNormalized: true,
        maximumLength: run.trained.maximumLength))
  }

  /// Opens a model directory as a model that embeds texts.
  static func openEmbedder(
    _ directory: String, as task: any PairTask, pooling: Pooling? = nil
  ) throws(FileError) -> Embedder {
    let files = ModelFiles(directory: directory)
    let configuration = try ModelConfiguration(files: files)
    var settings = try EmbeddingSettings(directory: directory)
    if let pooling { settings.pooling = pooling }
    let (model, _) = try TransformerModel.load(
      files: files, output: task.output(pooling: settings.pooling),
      using: SeededGenerator(seed: 0, purpose: "weights"))
    let length = min(
      settings.maximumLength ?? configuration.maximumLength, configuration.maximumLength)
    return Embedder(
      trained: TrainedModel(
        model: model, tokenizer: try configuration.tokenizer(files: files), task: task,
        maximumLength: length),
      settings: settings)
  }
}

extension TrainedModel.Embedder {
  /// The texts of `rows`, of pairs the first ones, cut to `maximumLength` tokens.
  public func encode(_ rows: TaskReader.Rows, maximumLength: Int) -> EncodedDataset {
    EncodedDataset(
      rows.examples.map { TextExample(text: $0.text, line: $0.line) }, targets: nil,
      tokenizer: trained.tokenizer, maximumLength: maximumLength)
  }
}
