import Foundation
import PEFTNetwork
import PEFTTensor

/// Adapters in a safetensors file, under the names of Hugging Face PEFT
/// (`base_model.model.….query.lora_A.weight`) or of loralib (`….query.lora_A`).
///
/// The file may also hold whole tensors: the head, modules that PEFT replaces or overwrites, and
/// biases (`bias` is `all` or `lora_only`). Copies that PEFT saves but does not use, such as the
/// `original_module` of a module that it replaces, and buffers are left out.
///
/// An adapter of a backbone alone has names without the backbone's prefix.
public struct AdapterFile {
  /// The path of the tensor file.
  public let path: String
  private let reader: SafetensorsReader
  private let format: any AdapterFormat
  private let classifiesTokens: Bool
  /// The task that `adapter_config.json` names, such as `SEQ_CLS`; nil if it names none.
  public let taskType: String?
  /// The SHA-256 of `adapter_config.json` as it was read, in hexadecimal; nil if α was passed to
  /// the initialiser.
  package let configurationDigest: String?

  private typealias Adapted = (layer: LinearLayer, adapter: any LinearAdapter)

  /// Opens a file, or a PEFT adapter directory.
  ///
  /// - Parameters:
  ///   - alpha: α for a file that holds only LoRA tensors; nil takes it from `adapter_config.json`
  ///     in the same directory.
  ///   - catalogue: the methods whose adapters can be read.
  public init(
    _ path: String, alpha: Double? = nil, catalogue: MethodCatalogue = .standard
  ) throws(FileError) {
    var isDirectory: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    self.path = isDirectory.boolValue ? path + "/adapter_model.safetensors" : path
    reader = try SafetensorsReader(path: self.path)
    if let alpha {
      format = LowRankFormat(alpha: alpha)
      classifiesTokens = false
      taskType = nil
      configurationDigest = nil
    } else if isDirectory.boolValue {
      let path = path + "/adapter_config.json"
      let bytes = try FileContents.read(
        regularFile: path, limit: JSONValue.configurationLimit)
      let configuration = try AdapterConfiguration(parsing: bytes, path: path)
      format = try catalogue.adapterFormat(configuration)
      classifiesTokens = configuration.classifiesTokens
      taskType = configuration.taskType
      var hash = SHA256()
      hash.append(bytes)
      configurationDigest = hash.hexadecimal
    } else {
      throw FileError(
        .unsupported, path: path, reason: "a file of LoRA deltas does not contain its alpha",
        remedy: "give alpha, or name a PEFT adapter directory")
    }
  }

  /// The SHA-256 of the tensor file as it was opened, in hexadecimal.
  ///
  /// Errors: `malformed` if the file has been written to since, `storage`.
  package func digest() throws(FileError) -> String { try reader.digest() }

  /// Attaches the adapters in a file or a PEFT adapter directory to `model`, and replaces the
  /// tensors that are stored whole.
  ///
  /// Throws if the model does not have a tensor or has it in another shape, if an A lacks its B,
  /// and for variants with different mathematics. The model is then unchanged.
  public static func attach(
    _ path: String, to model: TransformerModel, alpha: Double? = nil
  ) throws(FileError) {
    try AdapterFile(path, alpha: alpha).attach(to: model)
  }

  /// The output of the model for which the adapters were trained, as far as the file tells: a
  /// vocabulary if no classifier is stored with them. The classifier may then be the base model's.
  ///
  /// Throws `malformed` for a classifier that is not a matrix over the width of such a model.
  public func output(for configuration: ModelConfiguration) throws(FileError) -> ModelOutput {
    let (width, naming) = (configuration.hiddenSize, configuration.naming)
    let names = classifiesTokens ? [naming.tokenClassifierWeight] : naming.classifierWeights
    for name in reader.tensorNames {
      guard names.contains(Self.bareName(name)), let shape = reader.entry(name)?.shape else {
        continue
      }
      guard shape.count == 2, shape[0] > 0, shape[1] == width else {
        throw malformed(name, "its shape is \(shape), of a classifier over \(width) numbers")
      }
      return classifiesTokens
        ? .tokenClasses(shape[0]) : .classes(shape[0], pooling: configuration.usualPooling)
    }
    return .vocabulary
  }

  /// The method with the layers and settings of these adapters, for further training.
  ///
  /// Throws `unsupported` if no method settings produce these adapters, for example because their
  /// ranks differ, or if the file holds whole modules other than the head and the parameters in
  /// `drawn`.
  ///
  /// - Parameter drawn: the names of the parameters that the base model lacks.
  public func method(
    for model: TransformerModel, drawn: [String] = []
  ) throws(FileError) -> any AdaptationMethod {
    let (adapted, values) = try contents(for: model, skippingOtherHeads: true)
    let heads = Set(model.taskParameters)
    guard let method = format.method(of: adapted),
      values.allSatisfy({ heads.contains($0.0) || drawn.contains($0.0.name) })
    else {
      throw FileError(
        .unsupported, path: path,
        reason:
          "only adapters that are alike in rank, up to \(AdapterCandidates.rankLimit), and scale, "
          + "with at most a head, can be trained further",
        remedy: "merge the adapter, and train on the merged model")
    }
    return method
  }

  /// Attaches the adapters, and replaces the tensors that are stored whole.
  ///
  /// - Returns: the names of the replaced tensors.
  @discardableResult
  public func attach(to model: TransformerModel) throws(FileError) -> Set<String> {
    let (adapted, values) = try contents(for: model)
    for (layer, adapter) in adapted { layer.adapter = adapter }
    for (parameter, value) in values { parameter.fileValue = value }
    return Set(values.map(\.0.name))
  }

  /// Puts the values into adapters that are attached already, adds those of single elements to the
  /// weights of layers without one, and puts the head into the model's if it has as many rows.
  ///
  /// - Parameter takingHead: whether the head is taken.
  /// - Returns: whether a head was taken.
  public func load(into model: TransformerModel, takingHead: Bool = true) throws(FileError) -> Bool
  {
    var (adapted, values) = try contents(for: model, skippingOtherHeads: true)
    if !takingHead {
      let heads = Set(model.taskParameters)
      values.removeAll { heads.contains($0.0) }
    }
    for (layer, adapter) in adapted {
      if layer.adapter == nil { adapter.merge(into: layer) }
      for (attached, read) in zip(layer.adapter?.factors ?? [], adapter.factors) {
        attached.parameter.value = read.parameter.value
      }
    }
    for (parameter, value) in values { parameter.fileValue = value }
    let heads = Set(model.taskParameters)
    return values.contains { heads.contains($0.0) }
  }

  private static func layers(of model: TransformerModel) -> [String: LinearLayer] {
    Dictionary(uniqueKeysWithValues: model.backboneLinearLayers.map { ($0.name, $0) })
  }

  /// The contents of the file that belong to `model`: adapters in the order of their layers' names,
  /// and whole tensors.
  private func contents(
    for model: TransformerModel, skippingOtherHeads: Bool = false
  ) throws(FileError) -> (adapted: [Adapted], values: [(Parameter, Tensor)]) {
    let layers = Self.layers(of: model)
    let parameters = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.parameter.name, $0) })
    let tied = model.tiedNames
    let names = FileNames(reader.tensorNames, of: model.configuration.naming)
    var factors: [String: (name: String, tensors: [String: Tensor])] = [:]
    var values: [(Parameter, Tensor)] = []
    var (whole, shared): ([String: Tensor], [String: Tensor]) = ([:], [:])
    for name in reader.tensorNames where !names.isCopy(name) {
      let (short, bare) = (Self.bareName(name), names.full(Self.bareName(name)))
      let target = target(of: bare)
      let isShared = format.sharedNames.contains(name)
      if !isShared, format.copySuffixes.contains(where: { name.hasSuffix("." + $0) }) { continue }
      if target == nil, !isShared, parameters[bare] == nil, tied[bare] == nil, names.isUnused(bare)
      {
        continue
      }
      let shape = Shape(reader.entry(name)?.shape ?? [])
      let holdsPlaces = target.map { format.indexSuffixes.contains($0.suffix) } ?? false
      let value = Tensor(
        try holdsPlaces ? places(in: name) : reader.floats(of: name), shape: shape)
      guard value.isFinite else {
        throw malformed(name, "it holds a value that is not finite (NaN or infinity)")
      }
      if isShared {
        shared[name] = value
      } else if let (layer, suffix) = target, layers[layer] != nil {
        let called = self.target(of: short)?.layer ?? layer
        factors[layer, default: (called, [:])].tensors[suffix] = value
      } else if let entry = parameters[bare] {
        if entry.parameter.fileShape != shape, entry.kind == .head, skippingOtherHeads { continue }
        guard entry.parameter.fileShape == shape else {
          throw malformed(
            name, "its shape is \(shape), the model asks for \(entry.parameter.fileShape)")
        }
        values.append((entry.parameter, value))
        whole[bare] = value
      } else if let parameter = tied[bare] {
        guard parameter.shape == shape else {
          throw malformed(name, "its shape is \(shape), the model asks for \(parameter.shape)")
        }
        values.append((parameter, value))
        whole[bare] = value
      } else {
        throw malformed(name, "the model has no place for it")
      }
    }
    for (name, parameter) in tied {
      try checkTie(whole[name], whole[parameter.name], name, parameter.name)
    }
    let heads = Set(model.taskParameters)
    if skippingOtherHeads, !heads.isSubset(of: values.map(\.0)) {
      // A head is loaded completely or not at all.
      values.removeAll { heads.contains($0.0) }
    }
    let stored = factors.sorted(by: { $0.key < $1.key }).compactMap { name, found in
      layers[name].map { StoredAdapter(layer: $0, name: found.name, tensors: found.tensors) }
    }
    do throws(AdapterMismatch) {
      let adapters = try format.adapters(of: stored, sharing: shared)
      return (zip(stored, adapters).map { ($0.layer, $1) }, values)
    } catch { throw malformed(error.place ?? "of the adapters", error.reason) }
  }

  /// The numbers of a tensor of places, each of which is exact as a `Float`.
  private func places(in name: String) throws(FileError) -> [Float] {
    switch reader.entry(name)?.type {
    case .float16, .bfloat16, .float32, .float64: return try reader.floats(of: name)
    default:
      let numbers = try reader.integers(of: name)
      guard let wrong = numbers.first(where: { !(0...1 << 24).contains($0) }) else {
        return numbers.map { Float($0) }
      }
      throw malformed(name, "\(wrong) is no place in a matrix")
    }
  }

  /// Checks that an output layer and the word table agree. They are one matrix in the model, but
  /// PEFT copies the modules that it saves whole, so the copies may have been trained separately.
  private func checkTie(
    _ output: Tensor?, _ table: Tensor?, _ outputName: String, _ tableName: String
  ) throws(FileError) {
    if output == nil, table == nil { return }
    if let output, let table, output.isIdentical(to: table) { return }
    throw FileError(
      .unsupported, path: path, place: "tensor \(output == nil ? tableName : outputName)",
      reason: "\(outputName) and \(tableName) are one matrix here, and not in the adapter",
      remedy: "merge the adapter with PEFT and use the merged model")
  }

  /// What the names of a file have in common.
  private struct FileNames {
    private let naming: CheckpointNaming
    private let names: Set<String>
    /// Whether the adapters belong to a backbone alone, whose names lack its prefix.
    private let lackPrefix: Bool

    init(_ names: [String], of naming: CheckpointNaming) {
      self.naming = naming
      self.names = Set(names)
      lackPrefix = !names.contains { AdapterFile.bareName($0).hasPrefix(naming.prefix) }
    }

    /// Whether PEFT saves the tensor `name` but does not use it: a module that it has replaced, or
    /// the second of two copies of the module that replaces it.
    func isCopy(_ name: String) -> Bool {
      let parts = name.split(separator: ".")
      if parts.contains("original_module") { return true }
      guard parts.contains("modules_to_save") else { return false }
      return [".modules_to_save.default", ".modules_to_save"].contains {
        name.contains($0) && names.contains(name.replacing($0, with: ""))
      }
    }

    /// The name of a parameter in the model, from its name in the file without wrappers.
    func full(_ bare: String) -> String {
      lackPrefix && naming.isOfBackbone(bare) ? naming.prefix + bare : bare
    }

    /// Whether the tensor `full` belongs to the backbone, such as a buffer or a pooler, and may be
    /// absent from the model.
    func isUnused(_ full: String) -> Bool {
      let bare = naming.bare(full)
      return naming.isOfBackbone(bare) && naming.ignores(bare)
    }
  }

  /// A name without the parts added by wrappers.
  private static func bareName(_ name: String) -> String {
    var name = name
    if name.hasPrefix("base_model.model.") { name.removeFirst("base_model.model.".count) }
    for wrapper in [".modules_to_save.default", ".modules_to_save", ".default", ".base_layer"] {
      name = name.replacing(wrapper, with: "")
    }
    return name
  }

  /// The layer to which an adapter tensor belongs, and the tensor's suffix.
  private func target(of name: String) -> (layer: String, suffix: String)? {
    let name = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
    for suffix in format.suffixes where name.hasSuffix("." + suffix) {
      return (String(name.dropLast(suffix.count + 1)), suffix)
    }
    return nil
  }

  private func malformed(_ tensor: String, _ reason: String) -> FileError {
    FileError(
      .malformed, path: path, place: "tensor \(tensor)", reason: reason,
      remedy: "check that the adapter belongs to this model")
  }
}
