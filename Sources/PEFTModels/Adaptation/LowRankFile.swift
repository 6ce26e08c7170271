import Foundation
import PEFTNetwork
import PEFTTensor

/// Low-rank additions in a safetensors file, under the names of Hugging Face PEFT
/// (`base_model.model.….query.lora_A.weight`) or of loralib (`….query.lora_A`), with what was
/// trained whole beside them: the head, and modules that PEFT replaces or overwrites.
public struct LowRankFile {
  /// The path of the file of tensors.
  public let path: String
  private let reader: SafetensorsReader
  private let configuration: AdapterConfiguration
  /// SHA-256 of `adapter_config.json` as it was read, in hexadecimal; nil where α was given.
  package let configurationDigest: String?

  /// One addition.
  private struct Addition {
    let layer: String
    let down: Tensor
    let up: Tensor
    let scale: Double
    var rank: Int { down.shape.rows }
  }

  /// Opens a file, or a PEFT adapter directory.
  ///
  /// - Parameter alpha: α; nil takes it from `adapter_config.json` in the directory.
  public init(_ path: String, alpha: Double? = nil) throws(FileError) {
    var isDirectory: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    self.path = isDirectory.boolValue ? path + "/adapter_model.safetensors" : path
    reader = try SafetensorsReader(path: self.path)
    if let alpha {
      configuration = AdapterConfiguration(alpha: alpha)
      configurationDigest = nil
    } else if isDirectory.boolValue {
      let path = path + "/adapter_config.json"
      let bytes = try FileContents.read(
        regularFile: path, limit: JSONValue.configurationLimit)
      configuration = try AdapterConfiguration(parsing: bytes, path: path)
      var hash = SHA256()
      hash.append(bytes)
      configurationDigest = hash.hexadecimal
    } else {
      throw FileError(
        .unsupported, path: path, reason: "a file of LoRA deltas does not contain its alpha",
        remedy: "give alpha, or name a PEFT adapter directory")
    }
  }

  /// SHA-256 of the file of tensors as it was opened, in hexadecimal.
  ///
  /// Errors: `malformed` where it was written to since, `storage`.
  package func digest() throws(FileError) -> String { try reader.digest() }

  /// Attaches to `model` the additions in a file or in a PEFT adapter directory, and replaces what
  /// stands whole beside them.
  ///
  /// A tensor that the model has no place for, or has in another shape, an A without its B, and
  /// variants whose mathematics is another (such as DoRA) are errors. The model is then as it was.
  public static func attach(
    _ path: String, to model: TransformerModel, alpha: Double? = nil
  ) throws(FileError) {
    try LowRankFile(path, alpha: alpha).attach(to: model)
  }

  /// The rows of the classifier that is stored with the additions; nil where there is none.
  ///
  /// Throws `malformed` for one that is no matrix over a model of `width`.
  public func classCount(width: Int) throws(FileError) -> Int? {
    for name in reader.tensorNames {
      let bare = Self.bareName(name)
      guard ["classifier.out_proj.weight", "classifier.weight", "score.weight"].contains(bare),
        let shape = reader.entry(name)?.shape
      else { continue }
      guard shape.count == 2, shape[0] > 0, shape[1] == width else {
        throw malformed(name, "its shape is \(shape), of a classifier over \(width) numbers")
      }
      return shape[0]
    }
    return nil
  }

  /// LoRA with the layers, rank and α of these additions, for further training.
  ///
  /// Throws `unsupported` where they differ in rank or scale, or stand beside whole modules other
  /// than the head and what the base model lacks.
  ///
  /// - Parameter drawn: the names of what the base model lacks.
  public func method(
    for model: TransformerModel, drawn: [String] = []
  ) throws(FileError) -> LowRankAdaptation {
    let (additions, values) = try contents(for: model, skippingOtherHeads: true)
    let heads = Set(model.taskParameters)
    guard let first = additions.first,
      additions.allSatisfy({ $0.rank == first.rank && $0.scale == first.scale }),
      first.rank <= AdapterCandidates.rankLimit,
      values.allSatisfy({ heads.contains($0.0) || drawn.contains($0.0.name) })
    else {
      throw FileError(
        .unsupported, path: path,
        reason:
          "only LoRA deltas of one rank up to \(AdapterCandidates.rankLimit) and one scale, with at "
          + "most a head, can be trained further",
        remedy: "merge the adapter, and train on the merged model")
    }
    return LowRankAdaptation(
      rank: first.rank, alpha: first.scale * Double(first.rank), targets: additions.map(\.layer))
  }

  /// Attaches the additions, and replaces what stands whole beside them.
  ///
  /// - Returns: the names of what was replaced.
  @discardableResult
  public func attach(to model: TransformerModel) throws(FileError) -> Set<String> {
    let (additions, values) = try contents(for: model)
    let layers = Self.layers(of: model)
    for addition in additions {
      layers[addition.layer]?.lowRank = LinearLayer.LowRank(
        down: Parameter(name: addition.layer + ".lora_A.weight", value: addition.down),
        up: Parameter(name: addition.layer + ".lora_B.weight", value: addition.up),
        scale: addition.scale, dropout: 0)
    }
    for (parameter, value) in values { parameter.fileValue = value }
    return Set(values.map(\.0.name))
  }

  /// Puts the factors into additions that are attached already, and the head into the model's where
  /// it has as many rows.
  ///
  /// - Returns: whether a head was taken.
  public func load(into model: TransformerModel) throws(FileError) -> Bool {
    let (additions, values) = try contents(for: model, skippingOtherHeads: true)
    let layers = Self.layers(of: model)
    for addition in additions {
      layers[addition.layer]?.lowRank?.down.value = addition.down
      layers[addition.layer]?.lowRank?.up.value = addition.up
    }
    for (parameter, value) in values { parameter.fileValue = value }
    let heads = Set(model.taskParameters)
    return values.contains { heads.contains($0.0) }
  }

  private static func layers(of model: TransformerModel) -> [String: LinearLayer] {
    Dictionary(uniqueKeysWithValues: model.backboneLinearLayers.map { ($0.name, $0) })
  }

  /// What the file has for `model`: additions in the order of their layers'
  /// names, and whole tensors.
  private func contents(
    for model: TransformerModel, skippingOtherHeads: Bool = false
  ) throws(FileError) -> (additions: [Addition], values: [(Parameter, Tensor)]) {
    let layers = Self.layers(of: model)
    let parameters = Dictionary(
      uniqueKeysWithValues: model.parameters.map { ($0.parameter.name, $0) })
    let tied = model.tiedNames
    var factors: [String: (down: Tensor?, up: Tensor?)] = [:]
    var values: [(Parameter, Tensor)] = []
    var whole: [String: Tensor] = [:]
    for name in reader.tensorNames {
      let shape = Shape(reader.entry(name)?.shape ?? [])
      let value = Tensor(try reader.floats(of: name), shape: shape)
      guard value.isFinite else {
        throw malformed(name, "it holds a value that is not finite (NaN or infinity)")
      }
      let bare = Self.bareName(name)
      if let (layer, isUp) = Self.target(of: bare), layers[layer] != nil {
        if isUp { factors[layer, default: (nil, nil)].up = value }
        if !isUp { factors[layer, default: (nil, nil)].down = value }
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
      // A head is taken whole or not at all.
      values.removeAll { heads.contains($0.0) }
    }
    var additions: [Addition] = []
    for (name, (down, up)) in factors.sorted(by: { $0.key < $1.key }) {
      guard let layer = layers[name] else { continue }
      guard let down, let up else { throw malformed(name, "A or B is missing") }
      let rank = down.shape.extents.first ?? 0
      guard rank > 0, down.shape.extents == [rank, layer.weight.shape[1]],
        up.shape.extents == [layer.weight.shape[0], rank]
      else {
        throw malformed(
          name, "A \(down.shape) and B \(up.shape) do not fit \(layer.weight.shape)")
      }
      additions.append(
        Addition(
          layer: name, down: down, up: up, scale: configuration.scale(of: name, rank: rank)))
    }
    return (additions, values)
  }

  /// PEFT keeps copies of the modules that it saves whole, so that an output layer and the word
  /// table, one matrix in the model, train apart.
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

  /// A name without what the wrappers add to it.
  private static func bareName(_ name: String) -> String {
    var name = name
    if name.hasPrefix("base_model.model.") { name.removeFirst("base_model.model.".count) }
    for wrapper in [".modules_to_save.default", ".modules_to_save", ".default", ".base_layer"] {
      name = name.replacing(wrapper, with: "")
    }
    return name
  }

  /// The layer that a factor belongs to, and whether it is B.
  private static func target(of name: String) -> (layer: String, isUp: Bool)? {
    let name = name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : name
    for (suffix, isUp) in [(".lora_A", false), (".lora_B", true)] where name.hasSuffix(suffix) {
      return (String(name.dropLast(suffix.count)), isUp)
    }
    return nil
  }

  private func malformed(_ tensor: String, _ reason: String) -> FileError {
    FileError(
      .malformed, path: path, place: "tensor \(tensor)", reason: reason,
      remedy: "check that the adapter belongs to this model")
  }
}
