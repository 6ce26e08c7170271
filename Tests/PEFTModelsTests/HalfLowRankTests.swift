import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// LoRA-SP against LoRA, whose fixtures are PEFT's: it is LoRA with masked gradients.
@Suite("LoRA-SP")
struct HalfLowRankTests {
  private let fixture: ParityFixture
  private let generator = SeededGenerator(seed: 3, purpose: "weights")

  init() throws { fixture = try ParityFixture("bert") }

  private func factors(of model: TransformerModel) -> [Parameter] {
    model.backboneLinearLayers.compactMap(\.adapter).flatMap(\.factors).map(\.parameter)
  }

  @Test("ten steps equal those of LoRA with the gradients of the other half at zero")
  func masked() throws {
    let method = HalfLowRankAdaptation(LowRankAdaptation(rank: 3))
    let (half, whole) = (try fixture.model(), try fixture.model())
    method.attach(to: half, using: generator)
    method.lowRank.attach(to: whole, using: generator)
    #expect(
      method.session(on: half, steps: 10, using: generator) { _ in GradientAccumulator() } == nil)
    let pairs = Array(zip(factors(of: half), factors(of: whole)))
    for (mine, theirs) in pairs {
      #expect(mine.value.isIdentical(to: theirs.value))
      #expect(mine.trainableCount == (mine.count + 1) / 2)
    }
    #expect(Set(pairs.map { $0.0.trains }).count > 1)
    // No weight decay, which would move the other half of LoRA's.
    var settings = AdamW.Settings()
    settings.weightDecay = 0
    var (sparse, dense) = (
      AdamW(parameters: half.trainableParameters, settings: settings),
      AdamW(parameters: whole.trainableParameters, settings: settings)
    )
    let (mine, theirs) = (GradientAccumulator(), GradientAccumulator())
    for _ in 0..<10 {
      let losses = (fixture.loss(half, into: mine).mean, fixture.loss(whole, into: theirs).mean)
      #expect(abs(losses.0 - losses.1) < 1e-5 * losses.1)
      for (part, all) in pairs {
        let trained = Set(part.trains.chosenElements ?? [])
        let gradient = try #require(theirs[all])
        let others = gradient.elements.enumerated().map { trained.contains($0) ? 0 : -$1 }
        theirs.receive(
          .dense(Tensor(others, shape: all.shape)), of: all, partition: RowPartition(examples: 1))
      }
      sparse.step(gradients: mine, learningRate: 1e-2, gradientScale: 1)
      dense.step(gradients: theirs, learningRate: 1e-2, gradientScale: 1)
    }
    for (mine, theirs) in pairs {
      #expect(mine.value.relativeError(to: theirs.value) < ParityTests.trainedTolerance)
    }
    #expect(pairs.contains { $0.0.value.sumOfSquares > 0 && $0.0.name.hasSuffix("lora_B.weight") })
  }

  @Test("with resampling, another half trains in every step, and nothing else moves")
  func resampled() throws {
    let method = HalfLowRankAdaptation(LowRankAdaptation(rank: 3), resampling: .step)
    let model = try fixture.model()
    method.attach(to: model, using: generator)
    let session = try #require(
      method.session(on: model, steps: 4, using: generator) { _ in GradientAccumulator() })
    let factors = factors(of: model)
    var earlier: Set<[Int]> = []
    for step in 0..<4 {
      let before = Dictionary(uniqueKeysWithValues: factors.map { ($0, $0.recorded) })
      let changes = try session.prepare(step: step)
      #expect(changes.count == (step == 0 ? 0 : factors.count))
      #expect(changes.allSatisfy { before[$0.parameter] == $0.before })
      let elements = try #require(factors[0].trains.chosenElements)
      #expect(elements.count == (factors[0].count + 1) / 2)
      #expect(earlier.insert(elements).inserted)
    }
    #expect(factors[0].recordedCount > factors[0].trainableCount)
  }

  @Test("the rank follows a budget of halves")
  func sizes() throws {
    let model = try fixture.model()
    let sized = HalfLowRankAdaptation().sized(within: 2000, for: model)
    sized.attach(to: model, using: generator)
    #expect(model.trainableCount <= 2000)
    model.detachAdapters()
    var more = sized
    more.lowRank.rank += 1
    more.attach(to: model, using: generator)
    #expect(model.trainableCount > 2000)
  }
}
