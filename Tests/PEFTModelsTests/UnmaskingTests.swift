import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("ID3")
struct UnmaskingTests {
  private let fixture: ParityFixture
  private let generator = SeededGenerator(seed: 4, purpose: "weights")

  init() throws { fixture = try ParityFixture("bert") }

  /// The model after the given adjustments of a session, and the numbers of trainable elements
  /// outside the head.
  private func masks(
    _ method: IncrementalUnmasking, steps: Int, taken: Int, scale: Float = 1
  ) throws -> (model: TransformerModel, counts: [Int]) {
    let model = try fixture.model()
    method.attach(to: model, using: generator)
    let session = try #require(
      method.session(on: model, steps: steps, using: generator) { _ in GradientAccumulator() })
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    var counts: [Int] = []
    for step in 0..<taken {
      _ = try session.prepare(step: step)
      let gradients = GradientAccumulator()
      let tape = Tape()
      let loss = tape.softmaxCrossEntropy(
        model.logits(fixture.batch, on: tape), labels: fixture.labels.map { Int($0) })
      tape.pullBack(Tensor(repeating: scale, shape: [1]), from: loss.variable, to: gradients)
      _ = session.adjust(gradients, step: step)
      counts.append(model.trainableCount - head)
    }
    return (model, counts)
  }

  private func trains(_ model: TransformerModel) -> [TrainableElements] {
    model.parameters.map(\.parameter.trains)
  }

  @Test("the steps add exactly B elements, also if B is no multiple of their number or less")
  func budget() throws {
    let method = IncrementalUnmasking(share: 0.003)
    let head = try fixture.model().taskParameters.reduce(0) { $0 + $1.count }
    for steps in [1, 4, 9, 70] {
      let (model, counts) = try masks(method, steps: steps, taken: steps)
      let budget = method.plannedCount(in: model) - head
      #expect(counts.last == budget)
      for (step, count) in counts.enumerated() {
        #expect(count == budget / steps * (step + 1) + min(step + 1, budget % steps))
      }
    }
    let (model, counts) = try masks(
      IncrementalUnmasking(share: 0.003, strategy: .static), steps: 4, taken: 4)
    #expect(Set(counts) == [method.plannedCount(in: model) - head])
    let once = try masks(IncrementalUnmasking(share: 0.003), steps: 1, taken: 1).model
    #expect(trains(model) == trains(once))
    // Later steps form the gradients of the chosen elements alone.
    let wantsWhole = model.parameters.contains { $0.parameter.wantsWholeGradient }
    #expect(!wantsWhole)
  }

  @Test("without exponent the largest gradients are chosen, with a large one the smallest values")
  func exponents() throws {
    let budget = 40
    let model = try fixture.model()
    FullTuning().attach(to: model, using: generator)
    let gradients = GradientAccumulator()
    _ = fixture.loss(model, into: gradients)
    let candidates = model.parameters.filter { $0.kind != .head }.map(\.parameter)
    func best(_ score: (Float, Float) -> Float) -> [TrainableElements] {
      var all: [(score: Float, parameter: Int, position: Int)] = []
      for (index, parameter) in candidates.enumerated() {
        let (g, value) = (gradients[parameter]?.elements ?? [], parameter.value.elements)
        for position in g.indices where g[position] != 0 {
          all.append((score(abs(g[position]), abs(value[position])), index, position))
        }
      }
      all.sort { $0.score > $1.score }
      return candidates.indices.map { index in
        let positions = all.prefix(budget).filter { $0.parameter == index }.map(\.position)
        return positions.isEmpty ? .none : .elements(positions.sorted())
      }
    }
    let total = candidates.reduce(0) { $0 + $1.count }
    func chosen(exponent: Double, scale: Float = 1) throws -> [TrainableElements] {
      let method = IncrementalUnmasking(
        share: Double(budget) / Double(total), exponent: exponent, strategy: .static)
      return trains(try masks(method, steps: 3, taken: 1, scale: scale).model)
        .dropLast(model.taskParameters.count)
    }
    #expect(try chosen(exponent: 0) == best { gradient, _ in gradient })
    func pairs(_ elements: [TrainableElements]) -> Set<[Int]> {
      Set(
        elements.enumerated().flatMap { index, elements in
          (elements.chosenElements ?? []).map { [index, $0] }
        })
    }
    let smallest = pairs(best { _, size in -size })
    #expect(try pairs(chosen(exponent: 6)).intersection(smallest).count > 3 * budget / 4)
    #expect(try pairs(chosen(exponent: 0)).intersection(smallest).count < budget / 4)
    // The scale of the loss does not matter.
    #expect(try chosen(exponent: 1, scale: 8) == chosen(exponent: 1))
  }

  @Test("settings of the first release describe the same method, and new ones are named if set")
  func settings() throws {
    let old: JSONValue = .object([
      "name": .string("id3"), "share": .number(0.001), "exponent": .number(1),
      "epsilon": .number(1e-8),
    ])
    let catalogue = MethodCatalogue.standard
    let read = try #require(catalogue.method(json: old) as? IncrementalUnmasking)
    #expect(read.strategy == .increment && read.age == .global)
    #expect(catalogue.json(of: read) == old)
    var changed = IncrementalUnmasking()
    try changed.set("strategy", text: "repeat")
    try changed.set("age", text: "own")
    let json = catalogue.json(of: changed)
    #expect(json["strategy"] == .string("repeat") && json["age"] == .string("own"))
    let again = try #require(catalogue.method(json: json) as? IncrementalUnmasking)
    #expect(again.strategy == .repeat && again.age == .own && changed.label == "id3 repeat")
    #expect(throws: MethodSettingError.self) { try changed.set("strategy", text: "never") }
    #expect(catalogue.method(json: .object(["name": .string("id3")])) == nil)
  }
}
