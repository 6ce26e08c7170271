import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

/// Trains a model whose file holds bfloat16 numbers, and the same model from a file of Floats.
@Suite("Models in BF16 files")
struct BFloatFileTests {
  /// A job on a model with values of 8 bits of fraction, in a file of the given type.
  private func prepared(
    _ name: String, as type: SafetensorsElementType, precision: Precision
  ) throws -> PreparedJob {
    let method = try #require(MethodCatalogue.standard.method(named: name))
    return try TrainingJobTests().prepared(method) { job in
      job.settings.length = .steps(4)
      job.settings.evaluationInterval = 2
      job.settings.precision = precision
      #expect(throws: Never.self) {
        for type in [.bfloat16, type] {
          try TransformerModel.load(
            directory: job.modelDirectory, output: .classes(2, pooling: .mean),
            using: SeededGenerator(seed: 1, purpose: "weights")
          ).model.writeWeights(to: job.modelDirectory, as: type)
        }
      }
    }
  }

  private static let methods =
    MethodCatalogue.standard.names.map { ($0, Precision.fp32) }
    + ["lora", "dora", "bitfit", "full"].map { ($0, .bf16) }

  @Test("the results have the same bits", arguments: methods)
  func sameBits(name: String, precision: Precision) throws {
    var results: [(model: TransformerModel, outcome: TrainingOutcome)] = []
    for type in [SafetensorsElementType.float32, .bfloat16] {
      let job = try prepared(name, as: type, precision: precision)
      let memory = job.forecast(timing: false).memory
      _ = try job.choose()
      results.append((job.model, try TrainingJobTests().train(job)))
      if precision == .fp32 {
        let bytes = job.model.parameters.reduce(0) { $0 + $1.parameter.valueBytes }
        #expect(bytes <= memory[.weights], "\(type.rawValue)")
      }
    }
    let (plain, bfloat) = (results[0], results[1])
    #expect(plain.outcome.bestMetrics.map(\.value) == bfloat.outcome.bestMetrics.map(\.value))
    for (left, right) in zip(plain.model.parameters, bfloat.model.parameters) {
      #expect(
        left.parameter.value.isIdentical(to: right.parameter.value), "\(left.parameter.name)")
    }
  }

  @Test("frozen matrices stay at two bytes an element, also over a search for the rate")
  func memory() throws {
    let job = try prepared("lora", as: .bfloat16, precision: .fp32)
    let maps = job.model.backboneLinearLayers.map(\.weight) + [job.model.wordTable]
    func isHalf() -> Bool { maps.allSatisfy { $0.valueBytes == 2 * $0.count } }
    #expect(isHalf())
    let memory = job.forecast(timing: false).memory
    let halves = job.model.parameters.map(\.parameter).filter { $0.valueBytes == 2 * $0.count }
    #expect(halves.count > maps.count)
    #expect(
      memory[.weights] == 4 * job.counts.parameters - 2 * halves.reduce(0) { $0 + $1.count })
    _ = try TrainingJobTests().train(job)
    #expect(isHalf())
    let beginning = try findRate(
      for: job.model, on: job.train, evaluatingOn: job.dev, task: job.task,
      settings: job.job.settings)
    #expect(beginning != nil && isHalf())

    let full = try prepared("full", as: .bfloat16, precision: .fp32)
    #expect(full.forecast(timing: false).memory[.weights] == 4 * full.counts.parameters)
    _ = try TrainingJobTests().train(full)
    #expect(full.model.parameters.allSatisfy { $0.parameter.valueBytes == 4 * $0.parameter.count })
  }
}
