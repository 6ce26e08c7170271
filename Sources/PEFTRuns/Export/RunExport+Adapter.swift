import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

extension RunExport {
  /// Writes a Hugging Face PEFT adapter: the adapted layers by their full names and, in full, every
  /// module in which any other parameter trained, as PEFT saves modules (`modules_to_save`). Single
  /// elements of linear layers become a SHiRA adapter if that is smaller.
  ///
  /// If a saved module also has an adapter, the adapter is merged into it. The output layer of a
  /// language model is saved along with its word table, because PEFT does not tie them.
  func writeAdapter(to output: OutputDirectory) throws(FileError) -> [String] {
    try checkLanguage()
    let model = trained.model
    let entries = model.parameters
    var whole = Set(
      entries.filter { $0.parameter.isTrainable && $0.adapter == nil }.map {
        Self.module(of: $0.parameter)
      })
    // PEFT would initialise again whatever the base lacks, such as a pooler.
    whole.formUnion(
      entries.filter { drawn.contains($0.parameter.name) }.map { Self.module(of: $0.parameter) })
    whole.formUnion(
      model.backboneLinearLayers.filter { $0.adapter?.hasPublishedForm == false }.map(\.name))
    for layer in model.backboneLinearLayers
    where layer.adapter != nil && whole.contains(layer.name) {
      layer.mergeAdapter()
    }
    try attachSparse(besides: &whole)
    let adapted = model.backboneLinearLayers.filter { $0.adapter != nil }
    let shared = adapted.first?.adapter.map { Self.shared(by: adapted, like: $0) } ?? []
    var tensors: [(name: String, value: Tensor)] = []
    tensors += adapted.compactMap(\.adapter).flatMap(\.published)
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
    // PEFT treats a head as one module, however many linear maps it has.
    let modules =
      whole.filter { name in !heads.contains(String(name.prefix { $0 != "." })) }.union(heads)
    try SafetensorsWriter.write(
      (shared.map { ("base_model." + $0.name, $0.value) }
        + tensors.map { ("base_model.model." + published($0.name), $0.value) }).map { name, value in
          SafetensorsOutput(name: name, shape: value.shape.extents) {
            (body) throws(FileError) in try value.withUnsafeElements(body)
          }
        } + indices(of: adapted), metadata: ["format": "pt"],
      to: output.file("adapter_model.safetensors"))
    try JSONFile.write(
      configuration(adapted, saving: modules.sorted()), to: output.file("adapter_config.json"))
    guard let labels = AdapterLabels.json(of: manifest.task) else {
      return ["adapter_model.safetensors", "adapter_config.json"]
    }
    // PEFT has no field for the labels and ignores this file.
    try JSONFile.write(labels, to: output.file(LabelMap.fileName))
    return ["adapter_model.safetensors", "adapter_config.json", LabelMap.fileName]
  }

  /// Attaches sparse adapters of the layers in whose weights single elements or rows trained, and
  /// removes their modules from `whole`, if PEFT's files of them are smaller than the modules. They
  /// are never mixed with other adapters, because an adapter of PEFT has one type.
  private func attachSparse(besides whole: inout Set<String>) throws(FileError) {
    let layers = trained.model.backboneLinearLayers
    let partial = layers.filter { layer in
      let parameters = layer.parameters
      return whole.contains(layer.name) && layer.weight.isTrainable && layer.weight.trains != .all
        && layer.bias?.isTrainable != true && !layer.weight.isTransposedInFiles
        && !parameters.contains { drawn.contains($0.name) }
    }
    guard !partial.isEmpty, layers.allSatisfy({ $0.adapter == nil }) else { return }
    let (base, _) = try TransformerModel.load(
      files: files, output: trained.model.output,
      using: SeededGenerator(seed: 0, purpose: "weights"))
    let weights = Dictionary(
      uniqueKeysWithValues: base.backboneLinearLayers.map { ($0.name, $0.weight.value) })
    let changes = partial.compactMap { layer in
      weights[layer.name].map { (layer: layer, adapter: SparseAdapter(of: layer, since: $0)) }
    }
    // The number of elements of each weight follows from one rank; an element takes its value and
    // two indices of four bytes each.
    let rank = changes.map(\.adapter.rank).max() ?? 1
    let sizes = changes.map { layer, _ in
      (
        sparse: 3 * rank * (layer.weight.shape.rows + layer.weight.shape.columns),
        whole: layer.weight.count
      )
    }
    guard sizes.reduce(0, { $0 + $1.sparse }) < sizes.reduce(0, { $0 + $1.whole }),
      sizes.allSatisfy({ $0.sparse <= 3 * $0.whole })
    else { return }
    for (layer, adapter) in changes {
      layer.adapter = adapter.padded(toRank: rank, of: layer)
      whole.remove(layer.name)
    }
  }

  /// The indices of the sparse adapters among those of `layers`.
  private func indices(of layers: [LinearLayer]) -> [SafetensorsOutput] {
    layers.compactMap { ($0.adapter as? SparseAdapter)?.publishedIndices }.map { name, indices in
      SafetensorsOutput(
        name: "base_model.model." + published(name), type: .int32, shape: [2, indices.count / 2]
      ) { (body) throws(FileError) in
        try indices.withPointer { (elements) throws(FileError) in
          try body(UnsafeRawBufferPointer(elements))
        }
      }
    }
  }

  /// The name that a parameter or module has in the model that PEFT adapts: transformers' model of
  /// the task, or for embeddings the backbone alone.
  private func published(_ name: String) -> String {
    manifest.task is any PairTask ? trained.model.configuration.naming.bare(name) : name
  }

  /// PEFT has no task type for masked language models, and their output layer is tied.
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

  /// `adapter_config.json`, with the layers by their full names.
  private func configuration(
    _ layers: [LinearLayer], saving modules: [String]
  ) -> JSONValue {
    var object: JSONObject = [
      "base_model_name_or_path": .string(base),
      "fan_in_fan_out": .bool(
        trained.model.backboneLinearLayers.contains { $0.weight.isTransposedInFiles }),
      "inference_mode": .bool(true),
      "modules_to_save": modules.isEmpty ? .null : .array(modules.map { .string(published($0)) }),
      "target_modules": layers.isEmpty
        ? .string("dummy-target-modules") : .array(layers.map { .string(published($0.name)) }),
      "task_type": .string(type(of: manifest.task).adapterTaskType),
    ]
    // PEFT has no empty adapter; a LoRA configuration for no layer takes its place.
    let own =
      layers.first?.adapter.map { Self.settings(of: layers, like: $0) }
      ?? LowRankAdapter.configuration(of: [])
    for (key, value) in own.members { object[key] = published(in: value) }
    return .object(object)
  }

  /// Names of layers in lists, and as the keys of objects, as the model has them that PEFT adapts.
  private func published(in value: JSONValue) -> JSONValue {
    switch value {
    case .array(let items):
      return .array(items.map { item in item.string.map { .string(published($0)) } ?? item })
    case .object(let members):
      var object = JSONObject()
      for (key, value) in members.members { object[published(key)] = value }
      return .object(object)
    default: return value
    }
  }

  private static func settings<Adapter: LinearAdapter>(
    of layers: [LinearLayer], like example: Adapter
  ) -> JSONObject {
    Adapter.configuration(of: adapters(of: layers, like: example))
  }

  private static func shared<Adapter: LinearAdapter>(
    by layers: [LinearLayer], like example: Adapter
  ) -> [(name: String, value: Tensor)] {
    Adapter.shared(of: adapters(of: layers, like: example))
  }

  private static func adapters<Adapter: LinearAdapter>(
    of layers: [LinearLayer], like _: Adapter
  ) -> [(layer: LinearLayer, adapter: Adapter)] {
    layers.compactMap { layer in
      (layer.adapter as? Adapter).map { (layer: layer, adapter: $0) }
    }
  }
}
