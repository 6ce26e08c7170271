import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// BIPEFT's gradients against PyTorch's (see `make_bipeft_fixture.py` among the fixtures), and what
/// its search must keep to.
@Suite("BIPEFT")
struct ModuleSearchTests {
  private static let generator = SeededGenerator(seed: 1, purpose: "weights")
  private static let temperature = 2.5

  private let fixture: ParityFixture
  private let model: TransformerModel

  init() throws {
    fixture = try ParityFixture("bert")
    model = try fixture.model()
  }

  private var head: Int { model.taskParameters.reduce(0) { $0 + $1.count } }

  private func attached(_ method: ModuleSearchAdaptation) -> [SearchModule] {
    method.attach(to: model, using: Self.generator)
    return method.modules(of: model)
  }

  // MARK: Gradients

  private struct Expected {
    let file: SafetensorsReader

    init() throws {
      file = try SafetensorsReader(
        path: ParityFixture.root + "/methods/bipeft/expected.safetensors")
    }

    func tensor(_ name: String) throws -> Tensor {
      let entry = try #require(file.entry(name), "no \(name)")
      return Tensor(try file.floats(of: name), shape: Shape(entry.shape))
    }

    func doubles(_ name: String) throws -> [Double] {
      try tensor(name).elements.map(Double.init)
    }
  }

  private func sample(
    _ module: SearchModule, _ expected: Expected, gate: [Double], dimension: [Double]
  ) throws -> ModuleSample {
    let on = GumbelChoice(
      logits: gate, noise: try expected.doubles("gateNoise." + module.name),
      temperature: Self.temperature)
    guard module.dimensions.count > 1 else { return ModuleSample(gate: on, settled: 0) }
    return ModuleSample(
      gate: on,
      dimension: GumbelChoice(
        logits: dimension, noise: try expected.doubles("dimensionNoise." + module.name),
        temperature: Self.temperature))
  }

  private func expectClose(_ found: [Double], _ wanted: [Double], _ name: String) {
    // A key's bias moves no attention weight, so its gradient is that of rounding.
    if name.hasSuffix("self.key.bias"), wanted.allSatisfy({ abs($0) < 1e-7 }) {
      return #expect(found.allSatisfy { abs($0) < 1e-7 })
    }
    let scale = wanted.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let error = zip(found, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    #expect(found.count == wanted.count && scale.isFinite)
    #expect(error <= 2e-5 * scale, "\(name): \(found) and \(wanted)")
  }

  @Test("gradients of gates, dimensions and weights, and the steps of Adam, are PyTorch's")
  func gradients() throws {
    var method = ModuleSearchAdaptation(share: 1)
    method.targets = ["query", "intermediate.dense"]
    let modules = attached(method)
    let expected = try Expected()
    let names = Set(expected.file.tensorNames.filter { $0.hasPrefix("gate.") })
    #expect(Set(modules.map { "gate." + $0.name }) == names && modules.count == 22)
    for parameter in modules.flatMap(\.trained) {
      parameter.value = try expected.tensor("change." + parameter.name)
    }
    var gates = try modules.map { try expected.doubles("gate." + $0.name) }
    var dimensions = try modules.map {
      $0.dimensions.count > 1 ? try expected.doubles("dimension." + $0.name) : [0]
    }
    func samples() throws -> [ModuleSample] {
      try modules.indices.map {
        try sample(modules[$0], expected, gate: gates[$0], dimension: dimensions[$0])
      }
    }
    func measure(_ samples: [ModuleSample]) -> (loss: Double, gradients: GradientAccumulator) {
      for (module, sample) in zip(modules, samples) { module.write(sample) }
      let gradients = GradientAccumulator()
      return (fixture.loss(model, into: gradients).mean, gradients)
    }
    let first = try samples()
    #expect(Set(first.map(\.isOn)).count == 2)
    let measured = measure(first)
    let loss = try expected.doubles("loss")[0]
    #expect(abs(measured.loss - loss) < ParityTests.tolerance * loss)
    let steps = GradientAccumulator()
    for (module, sample) in zip(modules, first) {
      let pulled = module.pullBack(measured.gradients, of: sample, to: steps)
      expectClose(
        sample.gate.logitGradient(of: [0, pulled.gate]),
        try expected.doubles("gradient.gate." + module.name), module.name)
      if let choice = sample.dimensionChoice {
        expectClose(
          choice.logitGradient(of: pulled.dimensions),
          try expected.doubles("gradient.dimension." + module.name), module.name)
      }
      expectClose(
        [pulled.sensitivity], try expected.doubles("sensitivity." + module.name), module.name)
      for parameter in module.trained {
        expectClose(
          try #require(steps[parameter]).elements.map(Double.init),
          try expected.doubles("gradient." + parameter.name), parameter.name)
      }
    }
    // The change of every module counts: without them, the loss is another one.
    modules.forEach { $0.restore() }
    let base = fixture.loss(model, into: GradientAccumulator()).mean
    #expect(abs(base - loss) > 1e-3 * loss)

    var gateSteps = ArchitectureOptimizer(counts: gates.map(\.count))
    var dimensionSteps = ArchitectureOptimizer(counts: dimensions.map(\.count))
    for round in 0..<4 {
      let samples = try samples()
      let gradients = measure(samples).gradients
      let pulled = zip(modules, samples).map { $0.pullBack(gradients, of: $1) }
      if round.isMultiple(of: 2) {
        gateSteps.step(
          &gates, gradients: zip(samples, pulled).map { $0.gate.logitGradient(of: [0, $1.gate]) })
      } else {
        dimensionSteps.step(
          &dimensions,
          gradients: zip(samples, pulled).map {
            $0.dimensionChoice?.logitGradient(of: $1.dimensions)
          })
      }
    }
    for (index, module) in modules.enumerated() {
      expectClose(
        gates[index], try expected.doubles("stepped.gate." + module.name), module.name)
      guard module.dimensions.count > 1 else { continue }
      expectClose(
        dimensions[index], try expected.doubles("stepped.dimension." + module.name), module.name)
    }
  }

  // MARK: The search

  /// Searches on the fixture's batch alone, whose gradients even and odd numbers share.
  private func search(
    _ method: ModuleSearchAdaptation, seed: UInt64 = 1, stopAt stop: Int = .max
  ) throws -> (isDone: Bool, notes: [String]) {
    let generator = SeededGenerator(seed: seed, purpose: "weights")
    method.attach(to: model, using: generator)
    var notes: [String] = []
    let isDone = try method.search(
      in: model, using: generator,
      measuring: { number in
        guard number < stop else { return nil }
        let gradients = GradientAccumulator()
        _ = fixture.loss(model, into: gradients)
        return gradients
      }, note: { notes.append($0) })
    return (isDone, notes)
  }

  /// What trains, apart from the head.
  private var structure: [String: TrainableElements] {
    let head = Set(model.taskParameters)
    return Dictionary(
      uniqueKeysWithValues: model.parameters.map(\.parameter).filter {
        $0.isTrainable && !head.contains($0)
      }.map { ($0.name, $0.trains) })
  }

  @Test(
    "no budget is exceeded, most of it is used, and what was found starts at the base model",
    arguments: [0.004, 0.02, 0.1, 0.5], [UInt64(1), 2, 3])
  func budgets(share: Double, seed: UInt64) throws {
    let method = ModuleSearchAdaptation(share: share, rounds: 12)
    let base = model.logits(fixture.batch, on: Tape()).value
    let values = model.parameters.filter { $0.kind != .head }.map {
      ($0.parameter, $0.parameter.value)
    }
    let size = model.parameterCount
    let heads = model.taskParameters.map(\.value)
    let (isDone, notes) = try search(method, seed: seed)
    for (parameter, value) in zip(model.taskParameters, heads) { parameter.value = value }
    #expect(isDone && notes.count >= 4)
    #expect(model.logits(fixture.batch, on: Tape()).value.isIdentical(to: base))
    for (parameter, value) in values { #expect(parameter.value.isIdentical(to: value)) }
    #expect(model.parameters.allSatisfy { !$0.parameter.wantsWholeGradient })

    let budget = Int((share * Double(size - head)).rounded())
    #expect(method.plannedCount(in: model) == budget + head)
    let used = model.trainableCount - head
    #expect(used > 0 && used <= budget)
    #expect(notes.last?.contains(": \(used) parameters") == true)
    for layer in model.backboneLinearLayers {
      guard let delta = layer.adapter as? LowRankAdapter else { continue }
      #expect([1, 4, 8].contains(delta.rank) && delta.up.value.sumOfSquares == 0)
      let fresh = LowRankAdapter(
        for: layer, rank: delta.rank, scale: 2,
        using: SeededGenerator(seed: seed, purpose: "weights"))
      #expect(delta.down.value.isIdentical(to: fresh.down.value))
    }
  }

  @Test("the same seed finds the same, and a search that is stopped leaves the model as it was")
  func repeats() throws {
    let method = ModuleSearchAdaptation(share: 0.05, rounds: 10)
    let base = model.logits(fixture.batch, on: Tape()).value
    let heads = model.taskParameters.map(\.value)
    var found: [[String: TrainableElements]] = []
    for seed in [UInt64(1), 1, 2] {
      #expect(try search(method, seed: seed).isDone)
      for (parameter, value) in zip(model.taskParameters, heads) { parameter.value = value }
      found.append(structure)
      model.detachAdapters()
    }
    #expect(found[0] == found[1] && found[0] != found[2] && !found[0].isEmpty)
    for stop in [0, 1, 7] {
      #expect(try !search(method, stopAt: stop).isDone)
      for (parameter, value) in zip(model.taskParameters, heads) { parameter.value = value }
      model.detachAdapters()
      #expect(model.logits(fixture.batch, on: Tape()).value.isIdentical(to: base))
    }
  }

  // MARK: Ranking

  @Test(
    "selections are greedy and within the budget, and prunings take the lowest", arguments: 0..<40)
  func ranking(seed: Int) {
    var draws = SeededGenerator(seed: UInt64(seed), purpose: "ranking")
    let count = 1 + Int(draws.uniform() * 30)
    var ranking = ModuleRanking()
    var (averages, probabilities) = ([Double?](repeating: nil, count: count), [Double]())
    for _ in 0..<3 {
      let isOn = (0..<count).map { _ in draws.uniform() < 0.7 }
      let training = isOn.map { $0 ? draws.uniform() : 0 }
      let validation = isOn.map { $0 ? draws.uniform() : 0 }
      probabilities = isOn.map { _ in draws.uniform() }
      ranking.add(
        training: zip(training, isOn).map { $1 ? $0 : nil },
        validation: zip(validation, isOn).map { $1 ? $0 : nil }, probabilities: probabilities)
      func sum(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).map(*).reduce(0, +) }
      let lengths = (sum(training, training) * sum(validation, validation)).squareRoot()
      let cosine = lengths > 0 ? sum(training, validation) / lengths : 0
      for index in isOn.indices where isOn[index] {
        let now = training[index] + cosine * validation[index]
        averages[index] = averages[index].map { 0.85 * $0 + 0.15 * now } ?? now
      }
    }
    let expected = zip(averages, probabilities).map { ($0 ?? 0) * $1 }
    expectClose(ranking.scores, expected, "seed \(seed)")
    let order = ranking.order
    #expect(zip(order, order.dropFirst()).allSatisfy { expected[$0] >= expected[$1] })

    let sizes: [Int?] = (0..<count).map { _ in
      draws.uniform() < 0.2 ? nil : 1 + Int(draws.uniform() * 100)
    }
    let budget = Int(draws.uniform() * 500)
    let chosen = ranking.selection(of: sizes, budget: budget)
    #expect(zip(chosen, sizes).allSatisfy { !$0 || $1 != nil })
    var used = 0
    for index in order {
      guard let size = sizes[index] else { continue }
      // A module is left out only where it did not fit beside those of higher scores.
      #expect(chosen[index] == (used + size <= budget))
      used += chosen[index] ? size : 0
    }
    #expect(used <= budget)

    let excess = draws.uniform() * 1000
    let weights = sizes.map { $0.map(Double.init) }
    let removed = ranking.lowest(worth: excess, of: weights)
    let present = order.filter { sizes[$0] != nil }
    #expect(removed == Array(present.reversed().prefix(removed.count)))
    func worth(_ indices: some Sequence<Int>) -> Double {
      indices.reduce(0) { $0 + (weights[$1] ?? 0) }
    }
    #expect(worth(removed.dropLast()) < excess)
    #expect(worth(removed) >= excess || removed.count == max(0, present.count - 1))
  }

  @Test("a selection is stable if it is close to each of the last five")
  func stability() {
    let one = [Bool](repeating: true, count: 10) + [false]
    // Nine of ten in common: 0.9.
    let other = [false] + [Bool](repeating: true, count: 10)
    let far = [true] + [Bool](repeating: false, count: 10)
    func stabilities(_ selections: [[Bool]]) -> [Double?] {
      var ranking = ModuleRanking()
      return selections.map { ranking.stability(of: $0) }
    }
    let same = [[Bool]](repeating: one, count: 5)
    let found = stabilities(same + [one, other, one])
    #expect(found.prefix(5).allSatisfy { $0 == nil })
    for (value, wanted) in zip(found.dropFirst(5), [1, 0.9, 0.98]) {
      #expect(abs((value ?? 0) - wanted) < 1e-12)
    }
    // 0.32 with one of the last five.
    let broken = stabilities(same + [far, one, one, one, one, one, one])
    #expect(broken[5...10].allSatisfy { $0 == nil })
    #expect(abs((broken[11] ?? 0) - 1) < 1e-12)
  }

  @Test("a dimension is unstable if its probabilities vary and have moved")
  func instability() {
    let rounds = [[0.3, 0.3, 0.4], [0.2, 0.2, 0.6], [0.1, 0.3, 0.6]]
    var history = DimensionHistory(rounds[0])
    for round in rounds.dropFirst() { history.add(round) }
    func deviation(_ values: [Double]) -> Double {
      let mean = values.reduce(0, +) / 3
      return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3).squareRoot()
    }
    let mean = (0..<3).reduce(0.0) { sum, k in sum + deviation(rounds.map { $0[k] }) } / 3
    // 0.3 ln 3 + 0.3 ln 1 + 0.4 ln (2 / 3)
    let divergence = 0.3 * 1.0986122886681098 - 0.4 * 0.4054651081081644
    #expect(abs(history.instability - mean * divergence) < 1e-12)
    #expect(DimensionHistory(rounds[0]).instability == 0)
  }

  @Test("sizes follow a budget, settings are written and read, and those that do not fit are named")
  func sizes() throws {
    let sized = ModuleSearchAdaptation().sized(within: head + 500, for: model)
    #expect(sized.plannedCount(in: model) == head + 500)
    var method = sized
    try method.set("dimensions", text: "2,16")
    #expect(method.dimensions == [2, 16])
    let catalogue = MethodCatalogue.standard
    let again = try #require(catalogue.method(json: catalogue.json(of: method)))
    #expect(catalogue.json(of: again) == catalogue.json(of: method))
    for text in ["", "4,1", "0,1", "1,,4", "1,1", "2000", "a"] {
      #expect(throws: MethodSettingError.self) { try method.set("dimensions", text: text) }
    }
    try method.set("targets", text: "nothing")
    #expect(method.misfit(in: model)?.setting == "targets")
    #expect(ModuleSearchAdaptation(share: 1e-6).misfit(in: model)?.setting == "share")
    #expect(ModuleSearchAdaptation(share: 0.1).misfit(in: model) == nil)
  }
}
