import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("SPT")
struct SensitivityTuningTests {
  private let fixture: ParityFixture
  private let model: TransformerModel
  private let generator = SeededGenerator(seed: 4, purpose: "weights")

  init() throws {
    fixture = try ParityFixture("bert")
    model = try fixture.model()
  }

  private var head: Int { model.taskParameters.reduce(0) { $0 + $1.count } }

  private func chosen(_ method: SensitivityTuning) -> GradientAccumulator {
    method.attach(to: model, using: generator)
    let (gradients, squares) = (GradientAccumulator(), GradientAccumulator())
    _ = fixture.loss(model, into: gradients)
    squares.addSquares(
      of: gradients, among: model.parameters.map(\.parameter).filter(\.wantsWholeGradient))
    method.choose(in: model, by: squares, using: generator)
    return squares
  }

  @Test(
    "elements, vectors and deltas are those of the largest threshold within the budget",
    arguments: [0.002, 0.02, 0.1, 0.4])
  func chooses(share: Double) throws {
    var method = SensitivityTuning(share: share, rank: 2)
    (method.promotion, method.completion) = (6, 3)
    let whole = model.parameterCount - head
    let base = model.logits(fixture.batch, on: Tape()).value
    _ = chosen(method)
    #expect(model.logits(fixture.batch, on: Tape()).value.isIdentical(to: base))

    // An independent choice: every threshold from the largest downwards.
    let other = try fixture.model()
    FullTuning().attach(to: other, using: generator)
    let gradients = GradientAccumulator()
    _ = fixture.loss(other, into: gradients)
    let taking = other.parameters.filter {
      [.attention, .feedForward, .bias, .norm].contains($0.kind)
    }.map(\.parameter)
    var scores: [(score: Float, name: String)] = []
    for parameter in taking {
      scores += gradients[parameter]?.elements.map { ($0 * $0, parameter.name) } ?? []
    }
    scores.sort { $0.score > $1.score }
    func cost(_ count: Int, _ parameter: Parameter) -> (total: Int, isWhole: Bool) {
      let isMatrix = parameter.shape.rank == 2
      let size = isMatrix ? 2 * (parameter.shape[0] + parameter.shape[1]) : parameter.count
      let isWhole = Double(count) >= Double(size) / (isMatrix ? 6 : 3)
      return (isWhole ? size : count, isWhole)
    }
    func total(_ counts: [String: Int]) -> Int {
      taking.reduce(0) { sum, parameter in
        sum + (counts[parameter.name].map { cost($0, parameter).total } ?? 0)
      }
    }
    let budget = Int((share * Double(whole)).rounded())
    var counts: [String: Int] = [:]
    for (score, name) in scores.prefix(4 * budget) where score > 0 {
      var next = counts
      next[name, default: 0] += 1
      guard total(next) <= budget else { break }
      counts = next
    }
    let layers = Dictionary(
      uniqueKeysWithValues: model.backboneLinearLayers.map { ($0.weight.name, $0) })
    for entry in model.parameters where entry.adapter == nil && entry.kind != .head {
      let parameter = entry.parameter
      let count = counts[parameter.name] ?? 0
      let isPromoted = layers[parameter.name]?.adapter != nil
      let wanted = taking.first { $0.name == parameter.name }.map { cost(count, $0) }
      if parameter.shape.rank == 2 {
        #expect(isPromoted == (wanted?.isWhole ?? false && count > 0))
      }
      let now = isPromoted ? 0 : parameter.trainableCount
      #expect(now == (isPromoted ? 0 : count > 0 ? wanted?.total ?? 0 : 0), "\(parameter.name)")
    }
    #expect(model.trainableCount <= method.plannedCount(in: model))
    #expect(model.trainableCount == total(counts) + head)
    let deltas = model.backboneLinearLayers.count { $0.adapter != nil }
    if share > 0.05 { #expect(deltas > 0) }
    #expect(model.parameters.allSatisfy { !$0.parameter.wantsWholeGradient })
  }

  @Test("sizes follow a budget, and settings are written and read")
  func sizes() throws {
    let sized = SensitivityTuning().sized(within: head + 500, for: model)
    #expect(sized.plannedCount(in: model) == head + 500)
    let catalogue = MethodCatalogue.standard
    let again = try #require(catalogue.method(json: catalogue.json(of: sized)))
    #expect(catalogue.json(of: again) == catalogue.json(of: sized))
    var method = SensitivityTuning()
    try method.set("targets", text: "nothing")
    #expect(method.misfit(in: model)?.setting == "targets")
  }
}
