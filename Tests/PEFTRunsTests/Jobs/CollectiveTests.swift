import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Processes that train together")
struct CollectiveTests {
  /// A method and the form of its run.
  enum Example: String, CaseIterable, CustomTestStringConvertible {
    case full, lora, id3, recomputed
    var testDescription: String { rawValue }

    var method: any AdaptationMethod {
      switch self {
      case .full, .recomputed: FullTuning()
      case .lora: LowRankAdaptation(rank: 4, dropout: 0.1)
      case .id3: IncrementalUnmasking(share: 0.01)
      }
    }
  }

  /// What a run leaves.
  struct Result: Equatable {
    var values: [UInt32]
    var losses: [Double]
    var norms: [Double]
  }

  /// Trains for seven steps, of 20 examples in ten atoms and every third time of 8 in four, with
  /// dropout.
  private static func train(
    _ example: Example, with collective: any Collective = Alone(),
    _ change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> Result {
    let job = try TrainingJobTests().prepared(example.method) { job in
      job.settings.batches = BatchPlan(size: .examples(20))
      job.settings.atoms = 10
      job.settings.length = .steps(7)
      job.settings.evaluationInterval = 4
      job.settings.recomputesLayers = example == .recomputed
      change(&job.settings)
    }
    var result = Result(values: [], losses: [], norms: [])
    _ = try PEFTTrain.train(
      job.model, on: job.train, evaluatingOn: job.dev, task: job.task, settings: job.job.settings,
      session: job.session, collective: collective
    ) { event in
      guard case .step(let report) = event else { return }
      result.losses.append(report.numbers.loss)
      result.norms.append(report.numbers.gradientNorm)
    }
    result.values = job.model.parameters.flatMap { $0.parameter.value.elements.map(\.bitPattern) }
    return result
  }

  @Test(
    "any number of processes gives the bits of one with the same atoms", arguments: Example.allCases
  )
  func ranks(example: Example) throws {
    let alone = try Self.train(example)
    #expect(Set(alone.losses).count == 7)
    for count in [1, 2, 3, 4, 8] {
      let together = try ThreadedRanks.run(count) { try Self.train(example, with: $0) }.results
      #expect(together.count == count)
      for (rank, result) in together.enumerated() {
        #expect(result == alone, "rank \(rank) of \(count)")
      }
    }
    // The atoms have a part in the bits.
    #expect(try Self.train(example) { $0.atoms = nil } != alone)
  }

  @Test("several batches a step are the atoms of one batch as large", arguments: Example.allCases)
  func accumulation(example: Example) throws {
    let accumulated = try Self.train(example) {
      ($0.batches, $0.accumulation, $0.atoms) = (BatchPlan(size: .examples(4)), 5, nil)
    }
    #expect(try Self.train(example) { $0.atoms = 5 } == accumulated)
    // Atoms are never larger than a batch.
    #expect(
      try Self.train(example) {
        ($0.batches, $0.accumulation, $0.atoms) = (BatchPlan(size: .examples(4)), 5, 2)
      } == accumulated)
    #expect(
      try ThreadedRanks.run(2) { collective in
        try Self.train(example, with: collective) {
          ($0.batches, $0.accumulation, $0.atoms) = (BatchPlan(size: .examples(4)), 5, nil)
        }
      }.results == [accumulated, accumulated])
  }

  @Test("a process sends four bytes a step, twice, of half of what trains to one other")
  func bytes() throws {
    func sent(steps: Int) throws -> Int {
      try ThreadedRanks.run(2) { collective in
        try Self.train(.lora, with: collective) {
          ($0.batches, $0.atoms, $0.length) = (BatchPlan(size: .examples(16)), 8, .steps(steps))
        }
      }.sentBytes
    }
    let trained = try TrainingJobTests().prepared(Example.lora.method).counts.trainable
    let bytes = try sent(steps: 3) - sent(steps: 2)
    // Two halves, and a few numbers for losses and signals.
    #expect(bytes >= 4 * trained && bytes < 4 * trained + 2048, "\(bytes) for \(trained)")
  }

  @Test("a process that fails ends the others")
  func gone() {
    #expect(throws: (any Error).self) {
      try ThreadedRanks.run(3) { collective in
        if collective.rank == 1 { throw LostProcess() }
        return try Self.train(.lora, with: collective)
      }
    }
  }
}
