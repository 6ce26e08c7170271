import Foundation
import PEFTModels
import PEFTTensor

extension TrainingJob {
  /// The job as JSON with all defaults filled in, as in `settings.json` of its run.
  public var json: JSONValue {
    var object: JSONObject = [
      Recipe.versionKey: .integer(Recipe.version), "model": .string(modelDirectory),
      "train": .string(trainPath),
    ]
    object["dev"] = devPath.map { .string($0) }
    object["test"] = testPath.map { .string($0) }
    object["adapter"] = adapter.map { .string($0.path) }
    for (key, value) in choices.members { object[key] = value }
    return .object(object)
  }

  /// Everything that determines the result of a run, other than the contents of files.
  package var choices: JSONObject {
    var object: JSONObject = [
      "task": .string(taskKind.rawValue),
      "learningRate": findsRate ? .string("auto") : .number(settings.learningRate),
      "warmup": .number(settings.warmupFraction), "schedule": .string(settings.decay.rawValue),
      "weightDecay": .number(settings.optimizer.weightDecay),
      Recipe.decayScopeKey: .string(settings.optimizer.decayScope.rawValue),
      "clip": .number(settings.clippingNorm ?? 0),
      "labelSmoothing": .number(settings.labelSmoothing),
      "dropout": .bool(settings.usesDropout), "recompute": .bool(settings.recomputesLayers),
      "precision": .string(settings.precision.rawValue),
      "seed": .string(String(settings.seed)),
      "length": settings.length.json, "batches": settings.batches.size.json,
      "groupByLength": .bool(settings.batches.lengthWindow != nil),
    ]
    // An adapter determines the method itself.
    if adapter == nil { object["method"] = MethodCatalogue.standard.json(of: method) }
    if settings.accumulation > 1 { object["accumulate"] = .integer(settings.accumulation) }
    object["atoms"] = settings.atoms.map { .integer($0) }
    object["classWeights"] = settings.classWeighting?.json
    if settings.focusing > 0 { object["focal"] = .number(settings.focusing) }
    if settings.calibrates { object["calibrate"] = .bool(true) }
    object["reselector"] = reselector?.json
    object["format"] = format.map { .string($0.rawValue) }
    object["columns"] = columns?.json
    object["pooling"] = pooling.map { .string($0.rawValue) }
    object["chatTemplate"] = chatTemplate.map { .string($0.rawValue) }
    object["holdout"] = holdout?.json
    object["fold"] = fold?.json
    object["stride"] = stride.map { .integer($0) }
    object["evaluateEvery"] = settings.evaluationInterval.map { .integer($0) }
    object["patience"] = settings.patience.map { .integer($0) }
    object["maximumLength"] = maximumLength.map { .integer($0) }
    object["generation"] = generation?.json
    if !settings.rateFactors.isEmpty {
      var factors = JSONObject()
      for (name, factor) in settings.rateFactors.sorted(by: { $0.key < $1.key }) {
        factors[name] = .number(factor)
      }
      object["rateFactors"] = .object(factors)
    }
    return object
  }

  /// Everything that distinguishes this run: its settings and the SHA-256 of its inputs. Runs with
  /// equal recipes give equal bits.
  package func recipe(of inputs: TrainingInputs) throws(FileError) -> JSONObject {
    var recipe = try recipe(of: inputs.files, inputs.adapter, inputs.dataDigests)
    // A length that follows from the data is named where it is not the former default, so that a
    // run of an earlier version does not resume with another length.
    if maximumLength == nil, inputs.maximumLength > Self.usualLength {
      recipe["maximumLength"] = .integer(inputs.maximumLength)
    }
    return recipe
  }

  /// The recipe from files that are hashed for this purpose, as for a finished run.
  package func recipe() throws(FileError) -> JSONObject {
    var digests: [String: String] = [:]
    for path in [trainPath, devPath, testPath].compactMap(\.self) {
      digests[path] = try Fingerprint.file(path)
    }
    var file: AdapterFile?
    if let adapter { file = try AdapterFile(adapter.path, alpha: adapter.alpha) }
    return try recipe(of: ModelFiles(directory: modelDirectory), file, digests)
  }

  private func recipe(
    of files: ModelFiles, _ file: AdapterFile?, _ dataDigests: [String: String]
  ) throws(FileError) -> JSONObject {
    var recipe: JSONObject = [Recipe.versionKey: .integer(Recipe.version)]
    for (key, value) in choices.members { recipe[key] = value }
    recipe["modelFiles"] = RunManifest.json(of: try files.weightDigests())
    for (name, member) in try Recipe.members(of: files).members { recipe[name] = member }
    for (key, path) in [
      ("trainData", trainPath), ("devData", devPath), ("testData", testPath),
    ] {
      if let path { recipe[key] = dataDigests[path].map { .string($0) } }
    }
    if let file {
      recipe["adapter"] = .string(try file.digest())
      recipe["adapterAlpha"] = adapter?.alpha.map { .number($0) }
      recipe["adapterConfiguration"] = file.configurationDigest.map { .string($0) }
    }
    return recipe
  }
}
