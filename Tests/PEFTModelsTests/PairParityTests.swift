import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// Compares embeddings and the losses of pairs with sentence-transformers; see
/// `make_pair_fixtures.py`.
@Suite("Pairs of texts")
struct PairParityTests {
  static let texts: [[Int32]] = [
    [11, 45, 97, 43, 37], [57, 107, 6], [40, 105, 64, 44, 60, 28, 40, 113], [72, 31], [5, 41, 65],
    [9, 9, 80, 13],
  ]

  static let scorings: [PairScoring] = [.cosine, .ranking(scale: 20)]

  /// The pairs with the targets of a scoring.
  static func batch(_ scoring: PairScoring) -> Batch {
    Batch(
      texts: PackedBatch(sequences: texts),
      targets: scoring == .cosine ? .values([1, -0.25, 0.5]) : .classes(ofRows: [[0, 1, 2]]))
  }

  static func model(
    _ name: String, _ scoring: PairScoring, _ pooling: Pooling
  ) throws -> TransformerModel {
    try TransformerModel.load(
      directory: ParityFixture.root + "/" + name, output: .pairs(scoring, pooling: pooling),
      using: SeededGenerator(seed: 1, purpose: "unused")
    ).model
  }

  private static func key(_ scoring: PairScoring) -> String {
    scoring == .cosine ? "cosine" : "ranking"
  }

  @Test(
    "embeddings, cosines, losses and gradients",
    arguments: [
      ("bert", Pooling.mean, "mean"), ("roberta", .first, "cls"), ("modernbert", .mean, "mean"),
      ("distilbert", .first, "cls"), ("gpt2-classifier", .last, "lasttoken"),
    ])
  func parity(name: String, pooling: Pooling, mode: String) throws {
    let expected = try SafetensorsReader(
      path: ParityFixture.root + "/pairs/\(name)-\(mode).safetensors")
    func tensor(_ key: String) throws -> Tensor {
      Tensor(
        try expected.floats(of: key),
        shape: Shape(try #require(expected.entry(key), "\(key)").shape))
    }
    for scoring in Self.scorings {
      let model = try Self.model(name, scoring, pooling)
      for entry in model.parameters { entry.parameter.trains = .all }
      let batch = Self.batch(scoring)
      let features = model.features(batch.texts, on: Tape()).value
      #expect(features.relativeError(to: try tensor("embeddings")) < ParityTests.tolerance)
      if scoring == .cosine {
        let outputs = model(batch.texts, on: Tape()).value
        #expect(outputs.relativeError(to: try tensor("cosine.outputs")) < ParityTests.tolerance)
      }
      let tape = Tape()
      let gradients = GradientAccumulator()
      let loss = model.loss(batch.texts, batch.targets, on: tape)
      tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
      let wanted = Double(try tensor(Self.key(scoring) + ".loss").scalar)
      #expect(abs(loss.mean - wanted) < ParityTests.tolerance * wanted, "\(loss.mean), \(wanted)")
      guard name == "bert" else { continue }
      var compared = 0
      for entry in model.parameters {
        let parameter = entry.parameter
        let key = "\(Self.key(scoring)).gradient.\(parameter.name)"
        let theirs = try tensor(key)
        let mine = try #require(gradients[parameter], "\(parameter.name)")
        compared += 1
        // The softmax of attention does not depend on a key's bias.
        if let queries = parameter.name.queryBiasBesideKeyBias {
          let scale = try tensor("\(Self.key(scoring)).gradient.\(queries)").sumOfSquares
          #expect(mine.sumOfSquares.squareRoot() < ParityTests.tolerance * scale.squareRoot())
          continue
        }
        #expect(mine.relativeError(to: theirs) < ParityTests.tolerance, "\(parameter.name)")
      }
      #expect(compared == 37)
    }
  }

  @Test("a text without direction has the cosine 0 and finite gradients")
  func zero() throws {
    let model = try Self.model("bert", .cosine, .mean)
    for entry in model.parameters where entry.kind == .norm {
      entry.parameter.value = Tensor(zeros: entry.parameter.shape)
    }
    let batch = Self.batch(.cosine)
    #expect(model(batch.texts, on: Tape()).value.elements == [0, 0, 0])
    let (tape, gradients) = (Tape(), GradientAccumulator())
    let loss = model.loss(batch.texts, batch.targets, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    #expect(model.parameters.allSatisfy { gradients[$0.parameter]?.isFinite ?? true })
  }

  @Test("probing pairs equals forward mode", arguments: scorings)
  func probe(_ scoring: PairScoring) throws {
    let model = try Self.model("bert", scoring, .mean)
    LowRankAdaptation(rank: 3, targets: ["query", "value"]).attach(
      to: model, using: SeededGenerator(seed: 5, purpose: "factors"))
    for entry in model.parameters { entry.parameter.trains = .all }
    let objective = ModelObjective(model)
    let batch = Self.batch(scoring)
    let directions = Dictionary(
      uniqueKeysWithValues: objective.parameters.map { entry in
        var draws = SeededGenerator(seed: 11, purpose: entry.parameter.name)
        return (
          entry.parameter,
          Tensor(normal: entry.parameter.shape, standardDeviation: 0.1, using: &draws)
        )
      })
    let grouping = try ParameterGrouping(
      objective.parameters, by: .kindByLayer, candidates: AdapterCandidates(ranks: [1, 3]))
    let exact = ForwardTangentProbe()(
      objective, batch, along: directions, grouping: grouping, interactions: false
    ).record
    func walked(_ draw: Int, samples: Int) -> ProbeRecord {
      OneWalkProbe(exactClassLimit: 2, sampleCount: samples)(
        objective, batch, along: directions, groupings: [grouping], interactions: false,
        generator: SeededGenerator(seed: 1, purpose: "draws").split(draw))[0].record
    }
    func error(_ x: [Double], _ y: [Double]) -> Double {
      let difference = zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      return (difference / y.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }
    #expect(exact.exampleCount == (scoring == .cosine ? 3 : 1))
    #expect(error(walked(0, samples: 1).slopes, exact.slopes) < 1e-5)
    guard scoring != .cosine else {
      #expect(error(walked(0, samples: 1).curvatures, exact.curvatures) < 1e-5)
      return
    }
    // Sampled labels agree on average, within their errors.
    let repeats = (0..<60).map { walked($0, samples: 16).curvatures }
    for group in exact.curvatures.indices where exact.curvatures[group] > 0 {
      let values = repeats.map { $0[group] }
      let mean = values.reduce(0, +) / 60
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 59
      #expect(abs(mean - exact.curvatures[group]) < 4.5 * (variance / 60).squareRoot())
    }
  }

  @Test("outputs of pairs are read back from JSON", arguments: scorings)
  func json(_ scoring: PairScoring) {
    let output = ModelOutput.pairs(scoring, pooling: .last)
    #expect(ModelOutput(json: output.json) == output)
    #expect(ModelOutput(json: .object(["pairs": .number(-1), "pooling": .string("mean")])) == nil)
  }
}
