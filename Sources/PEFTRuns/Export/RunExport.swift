import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// A run, or a delta exported from one, opened for export in a format that other programs read.
public struct RunExport {
  /// An export format.
  public enum Format: String, CaseIterable, Sendable {
    /// A model directory for transformers, with the adapters merged into the weights.
    case merged
    /// The tensors that trained, bound to the base by SHA-256, as a run directory of two files.
    case delta
    /// A Hugging Face PEFT adapter.
    case peft
    /// The merged model as a graph of ONNX, for encoders.
    case onnx
  }

  /// The result of an export.
  public struct Outcome: Sendable {
    /// The names of the written files and their sizes in bytes.
    public let files: [(name: String, byteCount: Int)]
    /// The largest difference between the logits of the run and those of the re-read export, on
    /// sequences of random tokens, some of which contain and end with special tokens; nil for ONNX,
    /// which is not read again.
    public let largestDifference: Double?
    /// The largest magnitude of these logits.
    public let largestLogit: Double
  }

  /// The error if the re-read export does not reproduce the run's logits.
  public struct Mismatch: Error, CustomStringConvertible {
    /// The message.
    public let description: String
  }

  let trained: TrainedModel
  /// The manifest of the run.
  public let manifest: RunManifest
  /// The directory of the run.
  let directory: String
  /// The directory of the base model.
  let base: String
  /// The files of the base model.
  let files: ModelFiles
  /// The names of the tensors that the base lacks.
  let drawn: [String]

  /// Opens the run in `directory`.
  ///
  /// Its base model is in `base`, or in its original place if `base` is nil.
  public init(_ directory: String, base: String? = nil) throws(FileError) {
    guard FileManager.default.fileExists(atPath: directory + "/" + RunManifest.fileName) else {
      throw FileError(
        .notFound, path: directory + "/" + RunManifest.fileName,
        reason: "there is no finished run", remedy: "name the directory of a training run")
    }
    let run = try TrainedModel.openRun(directory, base: base)
    (trained, manifest, files, drawn) = (run.trained, run.manifest, run.base, run.drawn)
    self.directory = directory
    self.base = base ?? manifest.modelDirectory
  }

  /// Builds the export beside `output`, reads it again, compares it with the run, and moves it into
  /// place as a whole. A graph of ONNX is not read again. `output` must be new or empty, or with
  /// `overwriting` an older export.
  ///
  /// Errors: `unsupported` if the format cannot represent what was trained; `Mismatch`. After an
  /// error, `output` is unchanged.
  public func write(
    _ format: Format, to output: String, overwriting: Bool = false
  ) throws -> Outcome {
    try checkHead(for: format)
    for taken in [base, directory] where Self.resolved(taken) == Self.resolved(output) {
      throw FileError(
        .storage, path: output, reason: "it is the directory of the base model or of the run",
        remedy: "name another one")
    }
    let staged = try StagedDirectory(replacing: output, as: .export, overwriting: overwriting)
    return try staged.naming {
      let outcome = try write(format, to: staged.output, named: output)
      try staged.commit()
      return outcome
    }
  }

  private func write(
    _ format: Format, to output: OutputDirectory, named name: String
  ) throws -> Outcome {
    let sequences = Self.sequences(for: trained)
    // This must happen before anything is merged.
    let expected = Self.logits(of: trained.model, sequences)
    var names =
      switch format {
      case .merged: try writeMerged(to: output)
      case .delta: try writeDelta(to: output)
      case .peft: try writeAdapter(to: output)
      case .onnx: try writeGraph(to: output)
      }
    let difference =
      try format == .onnx ? nil : self.difference(format, output, named: name, sequences, expected)
    try AtomicFile.write(
      Array(card(of: format, named: name).text.utf8), to: output.file(ModelCard.fileName))
    names.append(ModelCard.fileName)
    return Outcome(
      files: try names.map { name throws(FileError) in
        (name, try FileContents.byteCount(output.path + "/" + name))
      },
      largestDifference: difference,
      largestLogit: expected.reduce(0) { max($0, abs(Double($1))) })
  }

  /// The largest difference between the logits `expected` and those of the export in `output`.
  ///
  /// Throws `Mismatch` if it is too large.
  private func difference(
    _ format: Format, _ output: OutputDirectory, named name: String, _ sequences: [[Int32]],
    _ expected: [Float]
  ) throws -> Double {
    let asRead = try sequences.map { sequence throws(FileError) in
      try format == .merged ? read(sequence, by: output.path) : sequence
    }
    let found = Self.logits(of: try reopen(format, output.path), asRead)
    var (difference, largest) = (0.0, 0.0)
    for (one, other) in zip(expected, found) {
      difference = max(difference, abs(Double(one) - Double(other)))
      largest = max(largest, abs(Double(one)))
    }
    let isFinite = (expected + found).allSatisfy(\.isFinite)
    guard isFinite, expected.count == found.count, difference <= Self.tolerance * largest
    else {
      throw Mismatch(
        description:
          "\(name): when it is read back, the export's logits differ by \(difference) from the "
          + "run's, the largest of which is \(largest); nothing was written")
    }
    return difference
  }

  /// The model card of an export that is called like the last component of `path`.
  private func card(of format: Format, named path: String) -> ModelCard {
    // A delta has no settings, and a run of an earlier version may have lost them.
    let settings = try? JSONValue(
      contentsOf: directory + "/" + RunManifest.settingsName, limit: JSONValue.configurationLimit)
    var names: [String: String] = [:]
    for split in ["train", "dev", "test"] {
      names[split] = settings?[split]?.string.map { URL(filePath: $0).lastPathComponent }
    }
    return ModelCard(
      format: format, name: URL(filePath: absolutePath(path)).lastPathComponent,
      manifest: manifest, family: trained.model.configuration.architectureName,
      isCausal: trained.model.configuration.isCausal, base: base, dataNames: names)
  }

  private static func resolved(_ path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().standardizedFileURL.path
  }

  /// The largest permitted difference of the logits, relative to the largest logit. Merging a delta
  /// rounds each weight once, by a relative 6e-8, which causes differences of about 1e-6.
  private static let tolerance = 1e-4

  /// The classifiers of transformers read the first token, or the last token in causal models.
  private func checkHead(for format: Format) throws(FileError) {
    guard format != .delta, format != .onnx, case .classes = trained.model.output,
      manifest.pooling != trained.model.configuration.usualPooling
    else { return }
    throw FileError(
      .unsupported, path: directory, place: "pooling",
      reason:
        "the head reads the tokens' \(manifest.pooling.rawValue), and that of transformers for "
        + "\(trained.model.configuration.architectureName) the "
        + "\(trained.model.configuration.usualPooling.rawValue)",
      remedy: "export a delta, or train with `pooling` "
        + trained.model.configuration.usualPooling.rawValue)
  }

  private func reopen(_ format: Format, _ output: String) throws -> TransformerModel {
    switch format {
    case .merged:
      return try TrainedModel.open(output, as: manifest.task.isLanguage ? .language : .auto).model
    case .delta: return try TrainedModel.open(output, base: base).model
    case .onnx: preconditionFailure("RunExport: ONNX is not read again")
    case .peft:
      let (model, _) = try TransformerModel.load(
        files: files, output: trained.model.output,
        using: SeededGenerator(seed: 0, purpose: "weights"))
      try AdapterFile.attach(output, to: model)
      return model
    }
  }

  /// Sequences of random tokens, and for every special token one that contains it and ends with it.
  private static func sequences(for trained: TrainedModel) -> [[Int32]] {
    let configuration = trained.model.configuration
    var draws = SeededGenerator(seed: 0, purpose: "export check")
    let limit = Int32(configuration.vocabularySize)
    func token() -> Int32 { Int32.random(in: 0..<limit, using: &draws) }
    let random = [3, 8, 17, 40].map { length in
      (0..<min(length, configuration.maximumLength)).map { _ in token() }
    }
    let special = trained.tokenizer.special
    let padding = trained.tokenizer.vocabulary.id(of: PaddingToken.content)
    let ids = [special.begin, special.end, special.unknown, special.padding, special.mask]
      .compactMap(\.self).filter { $0 != padding && $0 < limit }
    return random + Set(ids).sorted().map { [token(), $0, token(), $0] }
  }

  /// The logits, or the embeddings of a model that compares pairs.
  private static func logits(of model: TransformerModel, _ sequences: [[Int32]]) -> [Float] {
    if case .pairs = model.output {
      return model.features(PackedBatch(sequences: sequences), on: Tape()).value.elements
    }
    return model.logits(PackedBatch(sequences: sequences), on: Tape()).value.elements
  }
}
