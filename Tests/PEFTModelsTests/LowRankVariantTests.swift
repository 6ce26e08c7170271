import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Variants of LoRA")
struct LowRankVariantTests {
  private let fixture: ParityFixture
  private let model: TransformerModel
  private let generator = SeededGenerator(seed: 4, purpose: "weights")

  init() throws {
    fixture = try ParityFixture("bert")
    model = try fixture.model()
  }

  private func variant(_ settings: [String: String]) throws -> LowRankAdaptation {
    var method = LowRankAdaptation()
    for (name, text) in settings { try method.set(name, text: text) }
    return method
  }

  private func directory() throws -> URL {
    let url = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
  }

  @Test("usual settings are not in recipes, others are, and recipes without them are read")
  func recipes() throws {
    let catalogue = MethodCatalogue.standard
    let usual = catalogue.json(of: LowRankAdaptation())
    #expect(
      usual.object?.members.map(\.key).sorted() == ["alpha", "dropout", "name", "rank", "targets"])
    #expect(catalogue.method(json: usual)?.label == "lora r8")
    let settings = ["scaling": "root-rank", "b-rate": "16", "trained": "b", "start": "pissa"]
    let json = catalogue.json(of: try variant(settings))
    #expect(json["b-rate"] == .number(16) && json["start"] == .string("pissa"))
    let read = try #require(catalogue.method(json: json))
    #expect(catalogue.json(of: read) == json)
    #expect(read.label == "lora r8 scaling=root-rank b-rate=16.0 trained=b start=pissa")
    for (name, label) in [
      ("rslora", "rslora r8"), ("lora+", "lora+ r8"), ("lora-fa", "lora-fa r8"),
      ("pissa", "pissa r8"),
    ] {
      let variant = try #require(catalogue.method(named: name))
      #expect(variant.name == "lora" && variant.label == label && catalogue.names.contains(name))
      #expect(catalogue.method(json: catalogue.json(of: variant))?.label == label)
    }
    #expect(catalogue.method(named: "lora-") == nil)
    var object = try #require(usual.object)
    object["rank"] = nil
    #expect(catalogue.method(json: .object(object)) == nil)
    #expect(WeightDecomposedAdaptation.fields.map(\.name).contains("b-rate"))
    #expect(!WeightDecomposedAdaptation.fields.map(\.name).contains("start"))
    for (name, text) in [("scaling", "root"), ("b-rate", "0"), ("trained", "a"), ("start", "svd")] {
      #expect(throws: MethodSettingError.self) { try variant([name: text]) }
    }
  }

  @Test("alpha divided by the root of the rank, in the scale and in PEFT's settings")
  func scaling() throws {
    let method = try variant(["scaling": "root-rank", "rank": "4", "alpha": "6"])
    method.attach(to: model, using: generator)
    let layers = method.layers(of: model)
    let adapted = layers.compactMap { layer in
      (layer.adapter as? LowRankAdapter).map { (layer: layer, adapter: $0) }
    }
    #expect(adapted.count == 4 && adapted.allSatisfy { $0.adapter.scale == 3 })
    let settings = LowRankAdapter.configuration(of: adapted)
    #expect(settings["use_rslora"] == .bool(true) && settings["lora_alpha"] == .number(6))
    // Unless set, alpha does not grow with the rank.
    #expect(try variant(["scaling": "root-rank", "rank": "64"]).alpha == 16)
    #expect(try variant(["rank": "64"]).alpha == 128)
  }

  @Test("what trains counts in sizes, and B alone may have twice the rank")
  func sizes() throws {
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    for (settings, rank) in [([:], 3), (["trained": "b"], 6), (["start": "pissa"], 3)] {
      let sized = try variant(settings).sized(within: head + 3 * 4 * 48, for: model)
      #expect(sized.rank == rank)
      sized.attach(to: model, using: generator)
      #expect(sized.plannedCount(in: model) == head + 3 * 4 * 48)
    }
    let largest = try variant(["start": "gradient"]).sized(within: 1 << 40, for: model)
    #expect(largest.rank == 24 && largest.misfit(in: model) == nil)
    #expect(try variant(["start": "pissa", "rank": "25"]).misfit(in: model)?.setting == "rank")
    #expect(try variant(["rank": "25"]).misfit(in: model) == nil)
  }

  @Test("B alone trains, and B's rate is a multiple of A's")
  func rates() throws {
    try variant(["trained": "b", "b-rate": "8"]).attach(to: model, using: generator)
    let adapters = model.parameters.filter { $0.adapter != nil }
    #expect(adapters.count == 8)
    for entry in adapters {
      let isUp = entry.parameter.name.hasSuffix("lora_B.weight")
      #expect(entry.parameter.isTrainable == isUp)
      #expect(entry.adapter?.rateFactor == (isUp ? 8 : 1))
    }
  }

  @Test("a start by gradients spans their first right singular vectors and changes no output")
  func gradient() throws {
    let whole = try fixture.model()
    FullTuning().attach(to: whole, using: generator)
    let full = GradientAccumulator()
    _ = fixture.loss(whole, into: full)
    let before = model.logits(fixture.batch, on: Tape()).value
    let method = try variant(["start": "gradient", "rank": "3"])
    #expect(method.gradientBatches == 16)
    method.attach(to: model, using: generator)
    let gradients = GradientAccumulator()
    _ = fixture.loss(model, into: gradients)
    method.choose(in: model, by: gradients, using: generator)
    #expect(model.logits(fixture.batch, on: Tape()).value.isIdentical(to: before))
    #expect(model.parameters.allSatisfy { !$0.parameter.wantsWholeGradient })
    for (layer, other) in zip(model.backboneLinearLayers, whole.backboneLinearLayers) {
      guard let adapter = layer.adapter as? LowRankAdapter else { continue }
      let gradient = try #require(full[other.weight])
      // ‖G Aᵀ‖² with rows of A of the length 1/√3: the share of the first three directions.
      var product = Tensor(zeros: [gradient.shape.rows, 3])
      product.addProduct(of: gradient, adapter.down.value.transposed, scale: Float(3).squareRoot())
      #expect(product.sumOfSquares > 0.5 * gradient.sumOfSquares, "\(layer.name)")
      #expect(abs(adapter.down.value.sumOfSquares - 1) < 1e-5)
    }
  }

  @Test("files without their projections, and reflections made orthogonal, are refused")
  func refusals() throws {
    let model = model
    for (name, old, new) in [
      ("vera", "\"save_projection\": true", "\"save_projection\": false"),
      ("randlora", "\"save_projection\": true", "\"save_projection\": false"),
      ("hra", "\"apply_GS\": false", "\"apply_GS\": true"),
    ] {
      let source = try ParityFixture("bert", method: name).results + "/adapter"
      let directory = try directory()
      defer { try? FileManager.default.removeItem(at: directory) }
      let config = try String(contentsOfFile: source + "/adapter_config.json", encoding: .utf8)
      #expect(config.contains(old))
      try config.replacing(old, with: new).write(
        toFile: directory.path + "/adapter_config.json", atomically: true, encoding: .utf8)
      try FileManager.default.copyItem(
        atPath: source + "/adapter_model.safetensors",
        toPath: directory.path + "/adapter_model.safetensors")
      let error = #expect(throws: FileError.self) {
        try AdapterFile.attach(directory.path, to: model)
      }
      #expect(error?.kind == .unsupported)
    }
  }

  @Test("no file makes more reflections than a method may have", arguments: [1024, 1025])
  func manyReflections(count: Int) throws {
    let directory = try directory()
    defer { try? FileManager.default.removeItem(at: directory) }
    try Data(#"{"peft_type": "HRA", "r": 8, "target_modules": ["query"]}"#.utf8).write(
      to: directory.appending(path: "adapter_config.json"))
    try SafetensorsWriter.write(
      [
        SafetensorsOutput(
          name: "base_model.model.bert.encoder.layer.0.attention.self.query.hra_u",
          shape: [24, count], floats: Array(repeating: 1, count: 24 * count))
      ], to: directory.path + "/adapter_model.safetensors")
    if count == 1024 {
      let file = try AdapterFile(directory.path)
      #expect(try file.method(for: model).settings["rank"] == .integer(1024))
    } else {
      let error = #expect(throws: FileError.self) {
        try AdapterFile.attach(directory.path, to: model)
      }
      #expect(error?.kind == .malformed)
    }
  }

  @Test(
    "a projection that is missing or too small for a layer is refused",
    arguments: [("vera", "vera_B"), ("randlora", "randlora_B")])
  func unfit(method: String, projection: String) throws {
    let fixture = try ParityFixture("bert", method: method)
    let file = fixture.results + "/adapter"
    let reader = try SafetensorsReader(path: file + "/adapter_model.safetensors")
    for cut in [true, false] {
      let directory = try directory()
      defer { try? FileManager.default.removeItem(at: directory) }
      try FileManager.default.copyItem(
        atPath: file + "/adapter_config.json", toPath: directory.path + "/adapter_config.json")
      try SafetensorsWriter.write(
        reader.tensorNames.compactMap { name -> SafetensorsOutput? in
          var shape = try #require(reader.entry(name)).shape
          var floats = try reader.floats(of: name)
          if name == "base_model." + projection {
            guard cut else { return nil }
            floats.removeLast(floats.count / shape[0])
            shape[0] -= 1
          }
          return SafetensorsOutput(name: name, shape: shape, floats: floats)
        }, to: directory.path + "/adapter_model.safetensors")
      let error = #expect(throws: FileError.self) {
        try AdapterFile.attach(directory.path, to: model)
      }
      #expect(error?.kind == .malformed)
      #expect(model.backboneLinearLayers.allSatisfy { $0.adapter == nil })
    }
  }
}
