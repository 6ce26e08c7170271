import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("SPEFT")
struct SparseTuningTests {
  private let fixture: ParityFixture
  private let model: TransformerModel
  private let generator = SeededGenerator(seed: 4, purpose: "weights")

  init() throws {
    fixture = try ParityFixture("bert")
    model = try fixture.model()
  }

  private var weights: [Parameter] { model.backboneLinearLayers.map(\.weight) }

  @Test("the elements are those with the largest gradients, as sorting finds them")
  func largest() throws {
    let method = SparseTuning(entries: 5)
    method.attach(to: model, using: generator)
    #expect(method.gradientBatches == 16)
    let planned = method.plannedCount(in: model)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    #expect(planned == 5 * weights.count + head)
    let gradients = GradientAccumulator()
    _ = fixture.loss(model, into: gradients)
    // An independent choice, from the gradients of a model that trains whole.
    let whole = try fixture.model()
    FullTuning().attach(to: whole, using: generator)
    let others = GradientAccumulator()
    _ = fixture.loss(whole, into: others)
    method.choose(in: model, by: gradients, using: generator)
    #expect(method.plannedCount(in: model) == planned)
    for (weight, other) in zip(weights, whole.backboneLinearLayers.map(\.weight)) {
      let gradient = try #require(others[other]).elements
      let order = gradient.indices.sorted { abs(gradient[$0]) > abs(gradient[$1]) }
      #expect(weight.trains == .elements(order.prefix(5).sorted()), "\(weight.name)")
      #expect(!weight.wantsWholeGradient)
    }
    let trained = Set(model.trainableParameters)
    #expect(trained == Set(weights + model.taskParameters))
  }

  @Test("a selection trains the same elements, beside what else it names")
  func selected() throws {
    let gradients = GradientAccumulator()
    let method = SparseTuning(entries: 4, targets: ["query"])
    method.attach(to: model, using: generator)
    _ = fixture.loss(model, into: gradients)
    method.choose(in: model, by: gradients, using: generator)
    let queries = method.layers(of: model).map(\.weight)
    let expected = queries.map(\.trains)

    let members = queries.map { ParameterGroup.Member.elements(weight: $0.name, count: 4) }
    let norm = "bert.encoder.layer.0.output.LayerNorm.weight"
    let selection = SelectedTuning(members: members + [.tensor(norm)])
    #expect(selection.misfit(in: model) == nil)
    #expect(selection.gradientBatches == method.gradientBatches)
    #expect(SelectedTuning(members: [.tensor(norm)]).gradientBatches == 0)
    let other = try fixture.model()
    selection.attach(to: other, using: generator)
    let planned = selection.plannedCount(in: other)
    let sums = GradientAccumulator()
    _ = fixture.loss(other, into: sums)
    selection.choose(in: other, by: sums, using: generator)
    #expect(method.layers(of: other).map(\.weight.trains) == expected)
    #expect(other.trainableCount == planned)
    #expect(
      Set(other.trainableParameters.map(\.name))
        == Set(queries.map(\.name) + other.taskParameters.map(\.name) + [norm]))
    let tooMany = ParameterGroup.Member.elements(weight: queries[0].name, count: 1 << 20)
    #expect(SelectedTuning(members: [tooMany]).misfit(in: model) != nil)
    let beyond = ParameterGroup.Member.elements(
      weight: queries[0].name, count: 1, positions: [queries[0].count])
    #expect(SelectedTuning(members: [beyond]).misfit(in: model) != nil)
  }

  @Test("a selection with positions trains these elements, whatever the gradients are")
  func positions() throws {
    let queries = SparseTuning(entries: 1, targets: ["query"]).layers(of: model).map(\.weight)
    let known = ParameterGroup.Member.elements(
      weight: queries[0].name, count: 3, positions: [1, 5, 9])
    let open = ParameterGroup.Member.elements(weight: queries[1].name, count: 2)
    let alone = SelectedTuning(members: [known])
    #expect(alone.gradientBatches == 0)
    let both = SelectedTuning(members: [known, open])
    #expect(both.gradientBatches > 0)
    both.attach(to: model, using: generator)
    #expect(queries[0].trains == .elements([1, 5, 9]) && !queries[0].wantsWholeGradient)
    let sums = GradientAccumulator()
    _ = fixture.loss(model, into: sums)
    both.choose(in: model, by: sums, using: generator)
    #expect(queries[0].trains == .elements([1, 5, 9]))
    #expect(queries[1].trains == .elements(queries[1].largest(2, of: sums)))
    let read = MethodCatalogue.standard.method(json: MethodCatalogue.standard.json(of: both))
    #expect((read as? SelectedTuning)?.members == [known, open])
  }

  @Test("a weight without a gradient trains nothing")
  func silent() throws {
    let method = SparseTuning(entries: 3)
    method.attach(to: model, using: generator)
    method.choose(in: model, by: GradientAccumulator(), using: generator)
    #expect(Set(model.trainableParameters) == Set(model.taskParameters))
  }

  @Test("random elements are distinct, and a function of seed and weight")
  func random() throws {
    func chosen(_ seed: UInt64) throws -> [[Int]] {
      let method = SparseTuning(entries: 20, rule: .random)
      #expect(method.gradientBatches == 0)
      let generator = SeededGenerator(seed: seed, purpose: "weights")
      method.attach(to: model, using: generator)
      method.choose(in: model, by: GradientAccumulator(), using: generator)
      // Training starts only when nothing waits for its choice.
      let isWaiting = weights.contains { $0.wantsWholeGradient }
      #expect(!isWaiting)
      return weights.map { $0.trains.chosenElements ?? [] }
    }
    let first = try chosen(1)
    #expect(try chosen(1) == first && chosen(2) != first)
    #expect(Set(first).count == weights.count)
    for (elements, weight) in zip(first, weights) {
      #expect(elements.count == 20 && Set(elements).count == 20)
      // Every half has some: with 20 elements, none has a chance of 2⁻²⁰.
      #expect(elements[0] < weight.count / 2 && elements[19] >= weight.count / 2)
    }
  }

  @Test("random elements of all weights are distinct, and as many as those of each weight")
  func randomOfAll() throws {
    var method = SparseTuning(entries: 1, rule: .random, scope: .global)
    method.share = 0.05
    method.attach(to: model, using: generator)
    let planned = method.plannedCount(in: model)
    method.choose(in: model, by: GradientAccumulator(), using: generator)
    let counts = weights.map { $0.trains.chosenElements?.count ?? 0 }
    #expect(model.trainableCount == planned && Set(counts).count > 3)
    let expected = 0.05 * Double(weights.reduce(0) { $0 + $1.count })
    #expect(abs(Double(counts.reduce(0, +)) - expected) < Double(weights.count))
  }

  @Test("the square of a salience chooses the same, and the scale of the loss does not matter")
  func scale() throws {
    let one = GradientAccumulator()
    _ = fixture.loss(model, into: one)
    func chosen(_ rule: Salience, _ factor: Float) -> [TrainableElements] {
      let method = SparseTuning(entries: 6, rule: rule, scope: .global)
      method.attach(to: model, using: generator)
      let gradients = GradientAccumulator()
      for weight in weights {
        guard let gradient = one[weight] else { continue }
        let scaled = Tensor(gradient.elements.map { factor * $0 }, shape: gradient.shape)
        gradients.receive(.dense(scaled), of: weight, partition: RowPartition(examples: 1))
      }
      method.choose(in: model, by: gradients, using: generator)
      return weights.map(\.trains)
    }
    FullTuning().attach(to: model, using: generator)
    _ = fixture.loss(model, into: one)
    for rule in [Salience.gradient, .snip, .force] {
      #expect(chosen(rule, 8) == chosen(rule, 1), "\(rule)")
    }
    #expect(chosen(.force, -1) != chosen(.force, 1) && chosen(.snip, -1) == chosen(.snip, 1))
  }

  @Test("targets, sizes within a budget, labels and refusals")
  func settings() throws {
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let method = SparseTuning(entries: 2, targets: ["query"])
    method.attach(to: model, using: generator)
    let layers = method.layers(of: model)
    #expect(!layers.isEmpty && layers.allSatisfy { $0.name.hasSuffix("query") })
    #expect(model.trainableCount == head + 2 * layers.count)

    let usual = SparseTuning()
    for (budget, entries) in [
      (head + 7 * weights.count, 7), (head + 8 * weights.count - 1, 7), (0, 1),
      (1 << 40, weights.map(\.count).min() ?? 0),
    ] {
      let sized = usual.sized(within: budget, for: model)
      #expect(sized.entries == entries)
      #expect(sized.misfit(in: model) == nil)
    }
    #expect(usual.label == "speft k64")
    #expect(SparseTuning(entries: 3, rule: .random).label == "speft random k3")
    let long = SparseTuning(entries: 3, rule: .fisher, scope: .global, interval: 9)
    #expect(long.label == "fish k3 every 9")
    // Files of the first release have these settings and no others.
    #expect(usual.settings.keys.sorted() == ["batches", "by", "entries", "targets"])
    let read = MethodCatalogue.standard.method(json: MethodCatalogue.standard.json(of: long))
    #expect((read as? SparseTuning)?.label == long.label)
    var whole = SparseTuning()
    whole.share = 1
    #expect(whole.misfit(in: model) == nil)
    #expect(SparseTuning(entries: 1 << 20).misfit(in: model)?.setting == "entries")
    #expect(SparseTuning(entries: 1, targets: ["nothing"]).misfit(in: model)?.setting == "targets")
    var changed = SparseTuning()
    for (name, value) in [("by", "magnitude"), ("entries", "0"), ("batches", "0")] {
      #expect(throws: MethodSettingError.self) { try changed.set(name, text: value) }
    }
    try changed.set("by", text: "random")
    #expect(changed.rule == .random && changed.settings["by"] == .string("random"))
  }
}

extension Parameter {
  /// The positions of the `count` elements with the largest gradients, ascending.
  fileprivate func largest(_ count: Int, of gradients: GradientAccumulator) -> [Int] {
    let sizes = (gradients[self]?.elements ?? []).map(abs)
    return sizes.indices.sorted { sizes[$0] > sizes[$1] }.prefix(count).sorted()
  }
}
