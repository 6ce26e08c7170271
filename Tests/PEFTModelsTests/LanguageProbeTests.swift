import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// Probes over a vocabulary: compares sampled labels with exact tangents, and slopes with
/// gradients.
@Suite("Influence of language models")
struct LanguageProbeTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let fixture: String
    let rule: GroupingRule
    var rank: Int?
    var targets = ["c_attn", "c_proj"]
    var smoothing = 0.0
    var testDescription: String { "\(fixture) by \(rule.name), rank \(rank ?? 0), ε \(smoothing)" }
  }

  static let cases: [Case] = [
    Case(fixture: "gpt2", rule: .kind), Case(fixture: "gpt2", rule: .kindByLayer, smoothing: 0.1),
    Case(fixture: "gpt2", rule: .tensor), Case(fixture: "gpt2", rule: .row),
    Case(fixture: "gpt2", rule: .kindByLayer, rank: 3),
    Case(fixture: "llama", rule: .kindByLayer, smoothing: 0.1),
    Case(fixture: "llama-tied", rule: .tensor),
    Case(fixture: "qwen2", rule: .kindByLayer), Case(fixture: "qwen3", rule: .kindByLayer),
    Case(fixture: "qwen3", rule: .tensor),
    Case(
      fixture: "llama", rule: .kindByLayer, rank: 3, targets: ["q_proj", "v_proj", "down_proj"]),
    Case(fixture: "bert-tags", rule: .kindByLayer, smoothing: 0.1),
    Case(fixture: "gpt2-tags", rule: .kind), Case(fixture: "mpnet-tags", rule: .kindByLayer),
    Case(fixture: "bert-mlm", rule: .kindByLayer), Case(fixture: "roberta-mlm", rule: .tensor),
    Case(fixture: "mpnet-mlm", rule: .kindByLayer, smoothing: 0.1),
    Case(fixture: "electra-mlm", rule: .kindByLayer), Case(fixture: "distilbert-tags", rule: .kind),
    Case(fixture: "modernbert-mlm", rule: .kindByLayer),
    Case(fixture: "albert-mlm", rule: .kindByLayer),
  ]

  private struct Problem {
    let objective: ModelObjective
    let batch: Batch
    let grouping: ParameterGrouping
    let directions: [Parameter: Tensor]

    init(_ item: Case) throws {
      let fixture = try LanguageFixture(item.fixture)
      let model = try fixture.model()
      if let rank = item.rank {
        LowRankAdaptation(rank: rank, targets: item.targets).attach(
          to: model, using: SeededGenerator(seed: 5, purpose: "factors"))
      }
      for entry in model.parameters { entry.parameter.trains = .all }
      objective = ModelObjective(
        model, lossShape: LossShape(labelSmoothing: item.smoothing))
      batch = Batch(texts: fixture.batch, targets: fixture.targets)
      grouping = try ParameterGrouping(
        objective.parameters, by: item.rule,
        candidates: item.rank.map { AdapterCandidates(ranks: [1, $0]) })
      directions = Dictionary(
        uniqueKeysWithValues: objective.parameters.map { entry in
          var draws = SeededGenerator(seed: 11, purpose: entry.parameter.name)
          return (
            entry.parameter,
            Tensor(normal: entry.parameter.shape, standardDeviation: 0.1, using: &draws)
          )
        })
    }

    func walked(samples: Int, draw: Int) -> ProbeRecord {
      OneWalkProbe(sampleCount: samples)(
        objective, batch, along: directions, groupings: [grouping], interactions: false,
        generator: SeededGenerator(seed: 1, purpose: "draws").split(draw))[0].record
    }

    var exact: ProbeRecord {
      ForwardTangentProbe()(
        objective, batch, along: directions, grouping: grouping, interactions: false
      ).record
    }
  }

  @Test("slopes and their variances equal forward mode's", arguments: cases)
  func slopes(_ item: Case) throws {
    let problem = try Problem(item)
    let (walked, exact) = (problem.walked(samples: 1, draw: 0), problem.exact)
    #expect(Self.relativeError(walked.slopes, exact.slopes) < 1e-5)
    #expect(Self.relativeError(walked.slopeVariances, exact.slopeVariances) < 1e-5)
  }

  @Test(
    "curvatures from sampled labels agree with forward mode within their errors",
    arguments: cases.filter { $0.rule != .row && $0.rule != .tensor })
  func curvatures(_ item: Case) throws {
    let problem = try Problem(item)
    let exact = problem.exact.curvatures
    let repeats = (0..<40).map { problem.walked(samples: 8, draw: $0).curvatures }
    for group in exact.indices {
      let values = repeats.map { $0[group] }
      let mean = values.reduce(0, +) / 40
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 39
      let error = (variance / 40).squareRoot()
      #expect(
        abs(mean - exact[group]) < 4 * error,
        "\(problem.grouping.groups[group].name): \(mean) ± \(error), exact \(exact[group])")
      #expect(error < 0.1 * exact[group])
    }
  }

  @Test("slopes are gradient times direction, also with smoothed labels", arguments: [0, 0.1])
  func innerProducts(smoothing: Double) throws {
    let problem = try Problem(Case(fixture: "gpt2", rule: .tensor, smoothing: smoothing))
    let gradients = GradientAccumulator()
    let tape = Tape()
    let loss = problem.objective.model.loss(
      problem.batch.texts, problem.batch.targets,
      shape: LossShape(labelSmoothing: smoothing), on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    let slopes = problem.walked(samples: 1, draw: 0).slopes
    for (group, slope) in zip(problem.grouping.groups, slopes) {
      let entry = try #require(
        problem.objective.parameters.first { $0.parameter.name == group.name })
      let direction = try #require(problem.directions[entry.parameter])
      let product = try #require(gradients[entry.parameter]).dot(direction)
      #expect(abs(product - slope) < 1e-5 * max(1, abs(product)), "\(group.name)")
    }
  }

  @Test("the same samples give the same bits, others do not")
  func repeatable() throws {
    let problem = try Problem(Case(fixture: "gpt2", rule: .kind))
    let first = problem.walked(samples: 4, draw: 3)
    #expect(first.curvatures == problem.walked(samples: 4, draw: 3).curvatures)
    #expect(first.curvatures != problem.walked(samples: 4, draw: 4).curvatures)
  }

  private static func relativeError(_ x: [Double], _ y: [Double]) -> Double {
    let difference = zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / y.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }
}
