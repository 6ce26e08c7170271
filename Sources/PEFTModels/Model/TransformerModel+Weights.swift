import Foundation
import PEFTNetwork
import PEFTTensor

/// What happened when a checkpoint was loaded, apart from copying tensors.
public struct LoadReport: Hashable, Sendable {
  /// Tensors that the checkpoint did not have and that were newly initialised.
  public internal(set) var newlyInitialized: [String] = []
  /// Tensors of the checkpoint that this model does not use, such as the head of another task.
  public internal(set) var unused: [String] = []
}

extension TransformerModel {
  /// Loads the model of a Hugging Face directory.
  ///
  /// Tensor names may or may not have the family's prefix, and norms may use the old names `gamma`
  /// and `beta`. A task head that fits is loaded. A head that is missing or has another number of
  /// rows is newly initialised and reported, as is a missing head of a masked language model.
  /// Tensors outside the backbone that the model does not use are left out and reported, whatever
  /// their type. Throws for any other missing tensor, an unknown tensor of the backbone, a wrong
  /// shape, a value that is not finite, and an output layer that differs from the word table.
  ///
  /// - Parameters:
  ///   - output: the output that the model should have.
  ///   - generator: initialises new parameters.
  public static func load(
    directory: String, output: ModelOutput, using generator: SeededGenerator
  ) throws(FileError) -> (model: TransformerModel, report: LoadReport) {
    try load(files: ModelFiles(directory: directory), output: output, using: generator)
  }

  /// Loads the model of the files of a Hugging Face directory, as `load(directory:output:using:)`
  /// does.
  ///
  /// - Parameter takingHead: whether a task head that fits is loaded; otherwise it is initialised
  ///   and reported.
  public static func load(
    files: ModelFiles, output: ModelOutput, takingHead: Bool = true,
    catalogue: ArchitectureCatalogue = .standard, using generator: SeededGenerator
  ) throws(FileError) -> (model: TransformerModel, report: LoadReport) {
    let directory = files.directory
    let configuration = try ModelConfiguration(files: files, catalogue: catalogue)
    let checkpoint = try files.weights
    try check(configuration, isWorthBuildingFor: checkpoint, path: directory)
    let model = TransformerModel(configuration: configuration, output: output)
    let report = try model.load(
      checkpoint, takingHead: takingHead, path: directory, using: generator)
    TensorMemory.releaseUnused()
    return (model, report)
  }

  /// Rejects a model that is too large for its checkpoint, before memory is allocated for it. A
  /// model that is only somewhat larger is built, and the error then names its first tensor of a
  /// wrong shape.
  private static func check(
    _ configuration: ModelConfiguration, isWorthBuildingFor checkpoint: SafetensorsCollection,
    path: String
  ) throws(FileError) {
    let names = checkpoint.tensorNames
    let held = names.reduce(0.0) { sum, name in
      sum + (checkpoint.entry(name)?.shape ?? []).reduce(1.0) { $0 * Double($1) }
    }
    let slack = Double(1 << 26)
    guard configuration.layerCount <= names.count, configuration.matrixElements <= held + slack
    else {
      throw FileError(
        .malformed, path: path + "/config.json",
        reason: "it describes \(configuration.layerCount) layers with "
          + "\(String(format: "%.3g", configuration.matrixElements)) parameters, and the checkpoint "
          + "has \(names.count) tensors with \(String(format: "%.3g", held))",
        remedy: "check that config.json belongs to these weights")
    }
  }

  /// Initialises every weight with the family's standard deviation; biases are set to 0, norms to
  /// the identity.
  public func initializeWeights(using generator: SeededGenerator) {
    for entry in parameters { initialize(entry, using: generator) }
    TensorMemory.releaseUnused()
  }

  private func initialize(_ entry: ModelParameter, using generator: SeededGenerator) {
    let parameter = entry.parameter
    guard parameter.shape.rank == 2 else { return }
    let name = parameter.name
    let deviation = Float(configuration.architecture.deviation(of: name))
    func draw(into value: inout Tensor) {
      var draws = generator.split(name)
      value.fill(normal: deviation, using: &draws)
    }
    draw(into: &parameter.value)
    guard entry.isOnlyMultiplied else { return }
    let shape = parameter.shape
    parameter.origin = .floats { () throws(FileError) in
      var value = Tensor(zeros: shape)
      draw(into: &value)
      return value
    }
  }

  /// Makes sure that the plain values of all parameters are in memory; see `Parameter.readAgain()`.
  ///
  /// Errors: `malformed` if a file of the model has been written to since it was loaded. The model
  /// is then unusable.
  package func readAgain() throws(FileError) {
    let parameters = parameters.map(\.parameter)
    // Drops all packed copies before the first value is read. Dropping them one at a time would
    // leave gaps too small for the values.
    for parameter in parameters { parameter.letPackedGo() }
    for parameter in parameters { try parameter.readAgain() }
  }

  private func load(
    _ checkpoint: SafetensorsCollection, takingHead: Bool, path: String,
    using generator: SeededGenerator
  ) throws(FileError) -> LoadReport {
    let naming = configuration.naming
    var report = LoadReport()
    var used: Set<String> = []
    var isBare = false
    for entry in parameters {
      let parameter = entry.parameter
      let name = naming.candidates(for: parameter.name).first { checkpoint.entry($0) != nil }
      let shape = name.flatMap { checkpoint.entry($0)?.shape }
      if let name {
        used.insert(name)
        if parameter.name.hasPrefix(naming.prefix), !name.hasPrefix(naming.prefix) { isBare = true }
      }
      if let name, shape == parameter.fileShape.extents, takingHead || entry.kind != .head {
        try Self.read(name, of: checkpoint, into: entry)
      } else if entry.kind == .head
        || (shape == nil && ["pooler", "predictions"].contains(entry.place))
      {
        initialize(entry, using: generator)
        report.newlyInitialized.append(parameter.name)
      } else {
        throw Self.missingOrMisshapen(parameter, found: shape, name: name, path: path)
      }
    }
    used.formUnion(try checkTies(checkpoint, path: path))
    for name in checkpoint.tensorNames where !used.contains(name) {
      guard naming.ignores(naming.bare(name)) || !naming.isOfBackbone(name, isBare: isBare) else {
        throw FileError(
          .malformed, path: path, place: "tensor \(name)",
          reason: "the checkpoint has a tensor that a \(configuration.architectureName) model does "
            + "not have",
          remedy: "check that config.json belongs to these weights")
      }
      report.unused.append(name)
    }
    return report
  }

  /// The names of the output layer in the checkpoint. Throws if it differs from the word table.
  private func checkTies(
    _ checkpoint: SafetensorsCollection, path: String
  ) throws(FileError) -> [String] {
    var found: [String] = []
    for (name, parameter) in tiedNames.sorted(by: { $0.key < $1.key }) {
      guard let entry = checkpoint.entry(name) else { continue }
      found.append(name)
      var copy = Tensor(zeros: parameter.shape)
      if entry.shape == parameter.shape.extents {
        try checkpoint.readFloats(of: name, into: &copy)
        if copy.isIdentical(to: parameter.plainValue) { continue }
      }
      throw FileError(
        .unsupported, path: path, place: "tensor \(name)",
        reason: "it differs from \(parameter.name): an output layer of its own is not supported",
        remedy: "use a model whose output layer is its word table")
    }
    return found
  }

  /// Reads a parameter. A matrix or table of bfloat16 numbers stays in this form.
  private static func read(
    _ name: String, of checkpoint: SafetensorsCollection, into entry: ModelParameter
  ) throws(FileError) {
    let parameter = entry.parameter
    var isFinite = true
    if parameter.shape.rank == 2, !parameter.isTransposedInFiles,
      checkpoint.entry(name)?.type == .bfloat16
    {
      let matrix = try checkpoint.bfloatMatrix(of: name)
      isFinite = matrix.isFinite
      let origin = Parameter.Origin.bfloats { () throws(FileError) in
        try checkpoint.bfloatMatrix(of: name)
      }
      // Tables are looked up as well, so that packing them does not free their values.
      parameter.hold(matrix, from: entry.isOnlyMultiplied ? origin : nil)
    } else {
      if parameter.isTransposedInFiles {
        var value = Tensor(zeros: parameter.fileShape)
        try checkpoint.readFloats(of: name, into: &value)
        parameter.fileValue = value
      } else {
        // Read in place, because a second word table would raise the memory peak.
        try checkpoint.readFloats(of: name, into: &parameter.value)
      }
      isFinite = parameter.value.isFinite
      if entry.isOnlyMultiplied {
        parameter.origin = .floats(reading(name, of: checkpoint, as: parameter))
      }
    }
    guard isFinite else {
      throw FileError(
        .malformed, path: checkpoint.path(of: name), place: "tensor \(name)",
        reason: "it holds a value that is not finite (NaN or infinity)",
        remedy: "use an earlier checkpoint, or download the file again")
    }
  }

  /// Returns a closure that reads the value of a parameter again.
  private static func reading(
    _ name: String, of checkpoint: SafetensorsCollection, as parameter: Parameter
  ) -> () throws(FileError) -> Tensor {
    let (shape, isTransposed) = (parameter.fileShape, parameter.isTransposedInFiles)
    return { () throws(FileError) in
      var value = Tensor(zeros: shape)
      try checkpoint.readFloats(of: name, into: &value)
      return isTransposed ? value.transposed : value
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
      reason: "its shape is \(shape), config.json asks for \(parameter.fileShape)",
      remedy: "check that config.json belongs to these weights")
  }
}

extension TransformerModel {
  /// Writes the model, with or without its task head, as `model.safetensors` to `directory`, in the
  /// layout of transformers.
  ///
  /// A tied output layer is not written a second time. Adapters must have been merged.
  ///
  /// - Parameters:
  ///   - wordRows: the number of rows of the word table, at least V. The rows beyond V are zeros,
  ///     which are written in F32 alone. Nil means V.
  ///   - others: tensors to write besides.
  public func writeWeights(
    to directory: String, as type: SafetensorsElementType = .float32, includingHead: Bool = false,
    wordRows: Int? = nil, others: [SafetensorsOutput] = []
  ) throws(FileError) {
    let added = (wordRows ?? configuration.vocabularySize) - configuration.vocabularySize
    precondition(
      added == 0 || (added > 0 && type == .float32),
      "writeWeights: \(added) more rows of the word table in \(type.rawValue)")
    let tensors = parameters.filter { includingHead || $0.kind != .head }.map { entry in
      let parameter = entry.parameter
      if added > 0, parameter == backbone.wordTable { return Self.extended(parameter, by: added) }
      return SafetensorsOutput(
        name: parameter.name, shape: parameter.fileShape.extents, as: type
      ) { (body) throws(FileError) in
        try parameter.fileValue.withUnsafeElements(body)
      }
    }
    try SafetensorsWriter.write(
      tensors + others, metadata: ["format": "pt"], to: directory + "/model.safetensors")
  }

  /// A table with `added` more rows of zeros.
  private static func extended(_ table: Parameter, by added: Int) -> SafetensorsOutput {
    let (rows, width) = (table.shape.rows, table.shape.columns)
    return SafetensorsOutput(
      name: table.name, type: .float32, shape: [rows + added, width]
    ) { (sink) throws(FileError) in
      for part in [table.value, Tensor(zeros: [added, width])] {
        try part.withUnsafeElements { (elements) throws(FileError) in
          try sink(UnsafeRawBufferPointer(elements))
        }
      }
    }
  }
}

extension ModelParameter {
  /// Whether the parameter is a matrix that is used only in products.
  fileprivate var isOnlyMultiplied: Bool { kind != .embedding && parameter.shape.rank == 2 }
}

extension SafetensorsCollection {
  /// Reads the elements of the tensor `name` into a tensor of the same size.
  fileprivate func readFloats(of name: String, into tensor: inout Tensor) throws(FileError) {
    try tensor.withUnsafeMutableElements { (elements) throws(FileError) in
      try readFloats(of: name, into: elements)
    }
  }
}
