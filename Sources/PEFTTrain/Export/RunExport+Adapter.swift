import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

extension RunExport {
  /// A Hugging Face PEFT adapter of the type LORA: additions by the full names of their layers, and
  /// every module of which anything else trained, whole, as PEFT saves modules (`modules_to_save`).
  ///
  /// An addition to a matrix that trained itself is folded into it. The output layer of a language
  /// model goes with its word table, which PEFT does not tie.
  func writeAdapter(to output: OutputDirectory) throws(FileError) -> [String] {
    try checkLanguage()
    let model = trained.model
    let entries = model.parameters
    var whole = Set(
      entries.filter { $0.parameter.isTrainable && $0.adapter == nil }.map {
        Self.module(of: $0.parameter)
      })
    // What the base lacks, such as a pooler, PEFT would draw anew.
    whole.formUnion(
      entries.filter { drawn.contains($0.parameter.name) }.map { Self.module(of: $0.parameter) })
    for layer in model.backboneLinearLayers
    where layer.lowRank != nil && whole.contains(layer.name) {
      layer.mergeLowRank()
    }
    let adapted = model.backboneLinearLayers.filter { $0.lowRank != nil }
    var tensors: [(name: String, value: Tensor)] = []
    for layer in adapted {
      guard let addition = layer.lowRank else { continue }
      tensors.append((layer.name + ".lora_A.weight", addition.down.value))
      tensors.append((layer.name + ".lora_B.weight", addition.up.value))
    }
    for entry in entries
    where entry.adapter == nil && whole.contains(Self.module(of: entry.parameter)) {
      tensors.append((entry.parameter.name, entry.parameter.fileValue))
    }
    for (name, parameter) in model.tiedNames where whole.contains(Self.module(of: parameter)) {
      tensors.append((name, parameter.value))
      whole.insert(String(name.prefix { $0 != "." }))
    }
    let heads = Set(
      entries.filter { $0.kind == .head }.map {
        String($0.parameter.name.prefix { $0 != "." })
      })
    // A head is one module for PEFT, whatever maps it has.
    let modules =
      whole.filter { name in !heads.contains(String(name.prefix { $0 != "." })) }.union(heads)
    try SafetensorsWriter.write(
      tensors.map { name, value in
        SafetensorsOutput(name: "base_model.model." + name, shape: value.shape.extents) {
          (body) throws(FileError) in try value.withUnsafeElements(body)
        }
      }, metadata: ["format": "pt"], to: output.file("adapter_model.safetensors"))
    try JSONFile.write(
      configuration(adapted, saving: modules.sorted()), to: output.file("adapter_config.json"))
    guard case .classification(let labels) = manifest.task else {
      return ["adapter_model.safetensors", "adapter_config.json"]
    }
    // PEFT has no place for them, and ignores the file.
    try JSONFile.write(labels.json, to: output.file(Self.labelsName))
    return ["adapter_model.safetensors", "adapter_config.json", Self.labelsName]
  }

  /// The file with the names of the classes, in order, beside an adapter.
  static let labelsName = "labels.json"

  /// PEFT's task types have no masked language model, whose output layer is tied besides.
  private func checkLanguage() throws(FileError) {
    guard manifest.task.isLanguage, !trained.model.configuration.isCausal else { return }
    throw FileError(
      .unsupported, path: directory,
      reason: "PEFT has no adapters of masked language models", remedy: "export it merged")
  }

  /// The path of the module that owns a parameter.
  private static func module(of parameter: Parameter) -> String {
    let name = parameter.name
    return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// `adapter_config.json`. Patterns name every layer in full, so that their order does not matter.
  private func configuration(
    _ layers: [LinearLayer], saving modules: [String]
  ) -> JSONValue {
    var (ranks, alphas) = (JSONObject(), JSONObject())
    for layer in layers {
      guard let addition = layer.lowRank else { continue }
      let rank = addition.down.shape[0]
      ranks[layer.name] = .integer(rank)
      alphas[layer.name] = .number(addition.scale * Double(rank))
    }
    let first = layers.first?.lowRank
    let rank = first?.down.shape[0] ?? 8
    let isUniform =
      Set(layers.compactMap { $0.lowRank.map { [Double($0.down.shape[0]), $0.scale] } })
      .count <= 1
    return .object([
      "alpha_pattern": .object(isUniform ? [:] : alphas),
      "base_model_name_or_path": .string(base), "bias": .string("none"),
      "fan_in_fan_out": .bool(trained.model.configuration.isCausal),
      "inference_mode": .bool(true), "init_lora_weights": .bool(true),
      "lora_alpha": .number((first?.scale ?? 1) * Double(rank)), "lora_dropout": .number(0),
      "modules_to_save": modules.isEmpty ? .null : .array(modules.map { .string($0) }),
      "peft_type": .string("LORA"), "r": .integer(rank),
      "rank_pattern": .object(isUniform ? [:] : ranks),
      "target_modules": layers.isEmpty
        ? .string("dummy-target-modules") : .array(layers.map { .string($0.name) }),
      "task_type": .string(manifest.task.isLanguage ? "CAUSAL_LM" : "SEQ_CLS"),
      "use_dora": .bool(false), "use_rslora": .bool(false),
    ])
  }
}
