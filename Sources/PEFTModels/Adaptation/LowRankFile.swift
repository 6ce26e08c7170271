import Foundation
import PEFTTensor

/// Low-rank additions in a safetensors file, under the names of Hugging Face PEFT
/// (`base_model.model.….query.lora_A.weight`) or of loralib (`….query.lora_A`), with the trained head
/// beside them.
public enum LowRankFile {
  /// Attaches to `model` the additions in a file or in a PEFT adapter directory, and replaces the
  /// head by the one stored with them.
  ///
  /// - Parameter alpha: α; nil takes it from `adapter_config.json` in the directory.
  ///
  /// A tensor that the model has no place for, or has in another shape, an A without its B, and
  /// variants whose mathematics is another (DoRA, rank-stabilised scaling, ranks by pattern) are errors.
  /// The model is then as it was.
  public static func attach(
    _ path: String, to model: TransformerModel, alpha: Double? = nil
  ) throws(FileError) {
    var isDirectory: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    let file = isDirectory.boolValue ? path + "/adapter_model.safetensors" : path
    let reader = try SafetensorsReader(path: file)
    let scaleNumerator: Double
    if let alpha {
      scaleNumerator = alpha
    } else if isDirectory.boolValue {
      scaleNumerator = try configuredAlpha(path + "/adapter_config.json")
    } else {
      throw FileError(
        .unsupported, path: path, reason: "a file of additions does not say its alpha",
        remedy: "give alpha, or name a PEFT adapter directory")
    }
    let layers = Dictionary(
      uniqueKeysWithValues: model.backboneLinearLayers.map { ($0.name, $0) })
    let heads = Dictionary(
      uniqueKeysWithValues: model.taskParameters.map { ($0.name, $0) })
    var factors: [String: (down: Tensor?, up: Tensor?)] = [:]
    var headValues: [(Parameter, Tensor)] = []
    for name in reader.tensorNames {
      let shape = Shape(reader.entry(name)?.shape ?? [])
      let value = Tensor(try reader.floats(of: name), shape: shape)
      guard value.isFinite else {
        throw malformed(file, name, "it holds a value that is not finite (NaN or infinity)")
      }
      let bare = Self.bareName(name)
      if let head = heads[bare] {
        guard head.shape == shape else {
          throw malformed(file, name, "its shape is \(shape), the model asks for \(head.shape)")
        }
        headValues.append((head, value))
      } else if let (layer, isUp) = target(of: bare), layers[layer] != nil {
        if isUp { factors[layer, default: (nil, nil)].up = value }
        if !isUp { factors[layer, default: (nil, nil)].down = value }
      } else {
        throw malformed(file, name, "the model has no place for it")
      }
    }
    var additions: [(LinearLayer, LinearLayer.LowRank)] = []
    for (name, (down, up)) in factors.sorted(by: { $0.key < $1.key }) {
      guard let layer = layers[name] else { continue }
      guard let down, let up else { throw malformed(file, name, "A or B is missing") }
      let rank = down.shape.extents.first ?? 0
      guard rank > 0, down.shape == [rank, layer.weight.shape[1]],
        up.shape == [layer.weight.shape[0], rank]
      else {
        throw malformed(
          file, name, "A \(down.shape) and B \(up.shape) do not fit \(layer.weight.shape)")
      }
      additions.append(
        (
          layer,
          LinearLayer.LowRank(
            down: Parameter(name: name + ".lora_A.weight", value: down),
            up: Parameter(name: name + ".lora_B.weight", value: up),
            scale: scaleNumerator / Double(rank), dropout: 0)
        ))
    }
    for (layer, addition) in additions { layer.lowRank = addition }
    for (head, value) in headValues { head.value = value }
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

  private static func configuredAlpha(_ path: String) throws(FileError) -> Double {
    let document = try JSONValue(contentsOf: path)
    for key in ["use_dora", "use_rslora", "lora_bias"]
    where document[key]?.bool == true {
      throw FileError(
        .unsupported, path: path, place: key, reason: "adapters with it are not supported",
        remedy: "merge the adapter with PEFT and use the merged model")
    }
    for key in ["rank_pattern", "alpha_pattern"] where (document[key]?.object?.count ?? 0) > 0 {
      throw FileError(
        .unsupported, path: path, place: key, reason: "adapters with it are not supported",
        remedy: "merge the adapter with PEFT and use the merged model")
    }
    guard let alpha = document["lora_alpha"]?.double, alpha.isFinite else {
      throw FileError(.malformed, path: path, place: "lora_alpha", reason: "not a number")
    }
    return alpha
  }

  private static func malformed(_ path: String, _ tensor: String, _ reason: String) -> FileError {
    FileError(
      .malformed, path: path, place: "tensor \(tensor)", reason: reason,
      remedy: "check that the adapter belongs to this model")
  }
}
