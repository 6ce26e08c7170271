import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// SHiRA adapters, which hold single elements of weights; the fixture is PEFT's.
@Suite("Sparse adapters beside PEFT")
struct SparseAdapterTests {
  private let fixture: ParityFixture
  private let file: AdapterFile

  init() throws {
    fixture = try ParityFixture("bert", method: "shira")
    file = try AdapterFile(fixture.results + "/adapter")
  }

  @Test("attached and merged, an adapter of PEFT gives its logits")
  func reads() throws {
    let model = try fixture.model()
    let base = model.logits(fixture.batch, on: Tape()).value
    try file.attach(to: model)
    let attached = model.logits(fixture.batch, on: Tape()).value
    #expect(attached.relativeError(to: try fixture.tensor("logits")) < ParityTests.tolerance)
    #expect(attached.relativeError(to: base) > 1e-3)
    model.mergeAdapters()
    let merged = model.logits(fixture.batch, on: Tape()).value
    #expect(merged.relativeError(to: try fixture.tensor("mergedLogits")) < ParityTests.tolerance)
  }

  @Test("the same elements train further as in PEFT: loss, gradients and ten steps")
  func trainsFurther() throws {
    let model = try fixture.model()
    let method = try file.method(for: model)
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "weights"))
    #expect(try file.load(into: model))
    #expect(model.backboneLinearLayers.allSatisfy { $0.adapter == nil })

    let gradients = GradientAccumulator()
    let loss = fixture.loss(model, into: gradients)
    let expectedLoss = Double(try fixture.tensor("loss").scalar)
    #expect(abs(loss.mean - expectedLoss) < ParityTests.tolerance * expectedLoss)
    let trained = model.trainableParameters
    #expect(trained.count == fixture.gradientNames.count)
    for parameter in trained {
      let name =
        fixture.gradientNames.contains(parameter.name)
        ? parameter.name : parameter.name.replacing(".weight", with: ".shira_weight")
      let gradient = try #require(gradients.trainableGradient(of: parameter))
      let expected = try fixture.tensor("gradient." + name)
      #expect(gradient.relativeError(to: expected) < ParityTests.tolerance, "\(name)")
    }
    var settings = AdamW.Settings()
    settings.weightDecay = 0
    var optimizer = AdamW(parameters: trained, settings: settings)
    let losses = try fixture.expected.floats(of: "losses")
    for (step, expected) in losses.enumerated() {
      let loss = fixture.loss(model, into: gradients)
      #expect(
        abs(loss.mean - Double(expected)) < ParityTests.trainedTolerance * Double(expected),
        "step \(step): loss \(loss.mean), expected \(expected)")
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
    let after = model.logits(fixture.batch, on: Tape()).value
    #expect(
      after.relativeError(to: try fixture.tensor("trainedLogits")) < ParityTests.trainedTolerance)
  }

  @Test("values of zero fill up a delta to PEFT's number of elements", arguments: [1, 2, 3])
  func padding(rank: Int) throws {
    let layer = try #require(try fixture.model().backboneLinearLayers.first)
    let shape = layer.weight.shape
    let base = layer.weight.value
    // Positions at both ends and in between, and one that the filling would take.
    let changed = [0, 1, 5, shape.columns + 3, shape.count - 1]
    layer.weight.value.withUnsafeMutableElements { elements in
      for position in changed { elements[position] += 0.5 }
    }
    let delta = SparseAdapter(of: layer, since: base)
    #expect(delta.positions == changed && delta.rank == 1)
    let padded = delta.padded(toRank: rank, of: layer)
    #expect(padded.positions.count == rank * (shape.rows + shape.columns))
    #expect(Set(padded.positions).isSuperset(of: changed) && padded.rank == rank)
    #expect(padded.values.count { $0 != 0 } == changed.count)
    let wanted = layer.weight.value
    layer.weight.value = base
    SparseAdapter(for: layer, positions: padded.positions, values: padded.values)
      .merge(into: layer)
    #expect(layer.weight.value.relativeError(to: wanted) < 1e-6)
  }

  @Test(
    "hostile places are refused, by name",
    arguments: [
      ([0, 0, 0, 24] as [Int64], "is not in"), ([24, 0, 0, 0], "is not in"),
      ([-1, 0, 0, 0], "no place in a matrix"), ([1 << 40, 0, 0, 0], "no place in a matrix"),
      ([0, 1, 2], "are not the rows and columns of"),
    ])
  func refuses(places: [Int64], reason: String) throws {
    let directory = FileManager.default.temporaryDirectory.appending(
      path: "peft-" + UUID().uuidString
    ).path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try #"{"peft_type": "SHIRA", "r": 1, "task_type": "SEQ_CLS"}"#.write(
      toFile: directory + "/adapter_config.json", atomically: true, encoding: .utf8)
    let layer = try #require(try fixture.model().backboneLinearLayers.first)
    let name = "base_model.model." + layer.name
    try SafetensorsWriter.write(
      [
        SafetensorsOutput(name: name + ".shira_weight", shape: [2], floats: [1, 2]),
        SafetensorsOutput(
          name: name + ".shira_indices", shape: places.count == 4 ? [2, 2] : [1, 3],
          integers: places),
      ], to: directory + "/adapter_model.safetensors")
    let error = #expect(throws: FileError.self) {
      try AdapterFile.attach(directory, to: fixture.model())
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }
}
