import PEFTTensor

/// What loading a checkpoint did besides copying tensors.
public struct LoadReport: Hashable, Sendable {
  /// Tensors the checkpoint did not have, drawn anew.
  public internal(set) var newlyInitialized: [String] = []
  /// Tensors of the checkpoint that this model has no use for, such as a language-model head.
  public internal(set) var unused: [String] = []
}

extension SequenceClassifier {
  /// Loads the model of a Hugging Face directory.
  ///
  /// Tensor names may carry the family's prefix or not, and may use the old names `gamma` and `beta`
  /// in norms. A head that fits is loaded; one that is missing or has another number of rows is drawn
  /// anew and reported. Any other missing tensor, an unknown one, a wrong shape and a value that is
  /// not finite are errors.
  ///
  /// - Parameters:
  ///   - pooling: how the head reads the tokens.
  ///   - outputCount: the number of logits, C.
  ///   - generator: draws what is new.
  public static func load(
    directory: String, pooling: Pooling, outputCount: Int, using generator: SeededGenerator
  ) throws(FileError) -> (model: SequenceClassifier, report: LoadReport) {
    let configuration = try EncoderConfiguration(directory: directory)
    let checkpoint = try SafetensorsCollection(directory: directory)
    let model = SequenceClassifier(
      configuration: configuration, pooling: pooling, outputCount: outputCount)
    let report = try model.load(checkpoint, path: directory, using: generator)
    return (model, report)
  }

  /// Draws every weight anew: N(0, initializerRange²), biases 0, norms the identity.
  public func initializeWeights(using generator: SeededGenerator) {
    for entry in parameters { initialize(entry.parameter, using: generator) }
  }

  private func initialize(_ parameter: Parameter, using generator: SeededGenerator) {
    guard parameter.shape.rank == 2 else { return }
    var draws = generator.split(parameter.name)
    parameter.value = Tensor(
      normal: parameter.shape, standardDeviation: Float(configuration.initializerRange),
      using: &draws)
  }

  private func load(
    _ checkpoint: SafetensorsCollection, path: String, using generator: SeededGenerator
  ) throws(FileError) -> LoadReport {
    var report = LoadReport()
    var used: Set<String> = []
    let mayBeNew = Set(head.pooler?.parameters ?? [])
    for entry in parameters {
      let parameter = entry.parameter
      let name = candidates(for: parameter.name).first { checkpoint.entry($0) != nil }
      let shape = name.flatMap { checkpoint.entry($0)?.shape }
      if let name { used.insert(name) }
      if let name, shape == parameter.shape.extents {
        try Self.read(name, of: checkpoint, into: parameter, path: path)
      } else if entry.kind == .head || (shape == nil && mayBeNew.contains(parameter)) {
        initialize(parameter, using: generator)
        report.newlyInitialized.append(parameter.name)
      } else {
        throw Self.missingOrMisshapen(parameter, found: shape, name: name, path: path)
      }
    }
    for name in checkpoint.tensorNames where !used.contains(name) {
      guard isKnownAsUnused(name) else {
        throw FileError(
          .malformed, path: path, place: "tensor \(name)",
          reason: "the checkpoint has a tensor that a \(configuration.architecture.rawValue) "
            + "classifier does not have",
          remedy: "check that config.json belongs to these weights")
      }
      report.unused.append(name)
    }
    return report
  }

  /// The names under which published checkpoints hold a parameter.
  private func candidates(for name: String) -> [String] {
    let prefix = configuration.architecture.rawValue + "."
    var names = [name]
    if name.hasPrefix(prefix) { names.append(String(name.dropFirst(prefix.count))) }
    return names + names.compactMap(Self.oldNormName)
  }

  private static func oldNormName(_ name: String) -> String? {
    if name.hasSuffix("LayerNorm.weight") { return name.dropLast(6) + "gamma" }
    if name.hasSuffix("LayerNorm.bias") { return name.dropLast(4) + "beta" }
    return nil
  }

  /// Buffers, pretraining heads, poolers that this head does not read and heads of another form.
  private func isKnownAsUnused(_ name: String) -> Bool {
    let prefix = configuration.architecture.rawValue + "."
    let bare = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    return bare == "embeddings.position_ids" || bare == "embeddings.token_type_ids"
      || ["cls.", "lm_head.", "pooler.", "classifier."].contains { bare.hasPrefix($0) }
  }

  private static func read(
    _ name: String, of checkpoint: SafetensorsCollection, into parameter: Parameter, path: String
  ) throws(FileError) {
    try parameter.value.withUnsafeMutableElements { (elements) throws(FileError) in
      try checkpoint.readFloats(of: name, into: elements)
    }
    guard parameter.value.isFinite else {
      throw FileError(
        .malformed, path: path, place: "tensor \(name)",
        reason: "it holds a value that is not finite (NaN or infinity)",
        remedy: "use an earlier checkpoint, or download the file again")
    }
  }

  private static func missingOrMisshapen(
    _ parameter: Parameter, found shape: [Int]?, name: String?, path: String
  ) -> FileError {
    guard let shape, let name else {
      return FileError(
        .malformed, path: path, place: "tensor \(parameter.name)",
        reason: "the checkpoint does not have it",
        remedy: "check that config.json belongs to these weights")
    }
    return FileError(
      .malformed, path: path, place: "tensor \(name)",
      reason: "its shape is \(shape), config.json asks for \(parameter.shape)",
      remedy: "check that config.json belongs to these weights")
  }
}
