import PEFTModels
import PEFTRuns
import PEFTTensor
import Testing

/// Jobs that train single rows of some matrices, as a selection of neurons does.
extension TrainingJobTests {
  /// A small model in which the head and some rows of three matrices train.
  func preparedRows(_ change: (inout TrainingJob) -> Void = { _ in }) throws -> PreparedJob {
    let job = try prepared(HeadTuning(), change)
    for (name, rows) in Self.rows {
      let parameter = try parameter(name, of: job.model)
      parameter.trains = .rows(rows)
    }
    return job
  }

  static let rows: [(name: String, rows: [Int])] = [
    ("bert.embeddings.word_embeddings.weight", [2, 3]),
    ("bert.encoder.layer.0.attention.self.query.weight", [0, 31, 32, 127]),
    ("bert.encoder.layer.1.intermediate.dense.weight", Array(100..<300)),
  ]

  func parameter(_ name: String, of model: TransformerModel) throws -> Parameter {
    try #require(model.parameters.first { $0.parameter.name == name }?.parameter)
  }

  @Test("counts and forecast are for the rows only")
  func rowCounts() throws {
    let head = try prepared(HeadTuning())
    let job = try preparedRows()
    let trainable = head.counts.trainable + 128 * (2 + 4 + 200)
    #expect(job.counts.trainable == trainable)
    #expect(job.counts.parameters == head.counts.parameters)
    let memory = job.forecast(timing: false).memory
    #expect(memory[.gradients] == 4 * trainable)
    #expect(memory[.optimizer] == 8 * trainable)
    #expect(memory[.bestCopy] == 4 * trainable)
  }

  @Test("attaching a method makes whole matrices trainable again")
  func rowsAreReset() throws {
    let job = try preparedRows()
    FullTuning().attach(to: job.model, using: SeededGenerator(seed: 1, purpose: "weights"))
    #expect(job.counts.trainable == job.counts.parameters)
  }

  @Test("rows train, the rest of the model keeps its bits, and the best rows are kept")
  func rowsTrain() throws {
    let job = try preparedRows {
      $0.settings.length = .steps(24)
      $0.settings.evaluationInterval = 4
      // Labels that are swapped let the evaluations become worse.
      let rows = (try? String(contentsOfFile: $0.trainPath, encoding: .utf8)) ?? ""
      let dev = $0.trainPath + ".dev.jsonl"
      try? rows.replacing("\"yes\"", with: "\"?\"").replacing("\"no\"", with: "\"yes\"")
        .replacing("\"?\"", with: "\"no\"").write(toFile: dev, atomically: true, encoding: .utf8)
      $0.devPath = dev
    }
    let start = job.model.parameters.map(\.parameter.value)
    var best: [Tensor] = []
    var bestStep = 0
    let outcome = try train(
      job,
      observing: { event in
        guard case .evaluation(let step, _, isBest: true) = event else { return }
        best = job.model.parameters.map(\.parameter.value)
        bestStep = step
      })
    #expect(outcome.bestStep == bestStep && best.count == start.count)
    #expect(bestStep < outcome.steps, "nothing to go back to")
    for (index, entry) in job.model.parameters.enumerated() {
      let parameter = entry.parameter
      #expect(parameter.value.isIdentical(to: best[index]), "\(parameter.name)")
      guard let rows = parameter.trains.chosenRows else {
        let stayed = parameter.value.isIdentical(to: start[index])
        #expect(stayed != parameter.isTrainable, "\(parameter.name)")
        continue
      }
      for row in 0..<parameter.shape[0] {
        let stayed = parameter.value.rows(row..<row + 1).isIdentical(
          to: start[index].rows(row..<row + 1))
        #expect(stayed != rows.contains(row), "\(parameter.name), row \(row)")
      }
    }
  }
}
