import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain
import TestSupport
import Testing

@Suite("Training jobs")
struct TrainingJobTests {
  /// A small random model, and examples whose labels are words in their texts.
  func prepared(
    _ method: any AdaptationMethod = FullTuning(), regression: Bool = false,
    _ change: (inout TrainingJob) -> Void = { _ in }
  ) throws -> PreparedJob {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-job-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let examples = (0..<48).map { index in
      TextExample(
        text: "\(index % 7) \(index.isMultiple(of: 2) ? "good" : "bad")",
        label: regression
          ? "\(Double(index % 2) - 0.5)" : index.isMultiple(of: 2) ? "yes" : "no", line: index + 1)
    }
    try SmallModel.write(to: directory + "/model", texts: examples.map(\.text))
    try JSONLinesFile.write(examples, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: directory + "/model", trainPath: directory + "/train.jsonl", method: method)
    job.devPath = job.trainPath
    job.pooling = .mean
    job.settings.learningRate = 2e-3
    job.settings.batches = BatchPlan(size: .examples(16))
    change(&job)
    return try job.prepare()
  }

  func train(
    _ job: PreparedJob, stoppingWhen shouldStop: () -> Bool = { false },
    observing observe: (TrainingEvent) -> Void = { _ in }
  ) throws -> TrainingOutcome {
    try PEFTTrain.train(
      job.model, on: job.train, evaluatingOn: job.dev, task: job.task, settings: job.job.settings,
      session: job.session, shouldStop: shouldStop, observe: observe)
  }

  @Test("a lack of memory is reported with numbers and remedies")
  func memory() async {
    // Tensor memory is counted for the whole process.
    await #expect(processExitsWith: .success) {
      let job = try TrainingJobTests().prepared()
      let memory = job.forecast(timing: false).memory
      #expect(memory[.activations] > 0)
      // A step may read fewer positions than exist.
      #expect(memory[.gradients] <= 4 * job.counts.trainable)
      #expect(memory[.gradients] > 4 * (job.counts.trainable - 128 * 128))
      // With this many tokens, every word of a small vocabulary occurs.
      #expect(memory[.optimizer] == 8 * job.counts.trainable)
      #expect(memory[.bestCopy] == 4 * job.counts.trainable)
      #expect(memory[.process] > 1 << 20)
      #expect(throws: Never.self) { try memory.check(available: 1 << 40) }
      #expect {
        try memory.check(available: 1 << 20)
      } throws: { error in
        let message = "\(error)"
        return message.contains("MiB") && message.contains("`batch-size`")
      }
      // Without evaluations, which need more memory than a step with so few trainable parameters.
      let adapted = try TrainingJobTests().prepared(LowRankAdaptation(rank: 2)) {
        $0.devPath = nil
      }
      let timed = adapted.forecast(timing: true)
      let lowRank = timed.memory
      #expect(lowRank[.gradients] == 4 * adapted.counts.trainable)
      #expect(lowRank[.optimizer] == 2 * lowRank[.gradients])
      #expect(lowRank[.bestCopy] == 0)
      #expect(timed.updateSeconds > 0)
      #expect(lowRank[.gradients] < memory[.gradients] / 10)
      #expect((timed.tokensPerSecond ?? 0) > 0)
      #expect(memory[.packedWeights] == 0)
      // Gradients are dense, and everything planned to train counts.
      let unmasked = try TrainingJobTests().prepared(IncrementalUnmasking(share: 0.1))
      let unmasking = unmasked.forecast(timing: false).memory
      #expect(unmasking[.gradients] == memory[.gradients])
      #expect(unmasking[.optimizer] == 8 * unmasked.counts.trainable)
      let evaluated = try TrainingJobTests().prepared(LowRankAdaptation(rank: 2))
      let evaluating = evaluated.forecast(timing: false).memory
      #expect(evaluating[.activations] >= lowRank[.activations])
      let rounded = try TrainingJobTests().prepared(LowRankAdaptation(rank: 2)) {
        $0.devPath = nil
        $0.settings.precision = .bf16
      }
      let halved = rounded.forecast(timing: false).memory
      #expect(halved[.packedWeights] > 0)
      #expect(halved[.activations] < lowRank[.activations])
      #expect(
        rounded.forecast(timing: true).memory[.packedWeights] == halved[.packedWeights])
    }
  }

  @Test(
    "frozen parameters do not change, and trainable ones do",
    arguments: MethodCatalogue.standard.names)
  func frozen(name: String) throws {
    let method = try #require(MethodCatalogue.standard.method(named: name))
    let job = try prepared(method) { $0.settings.length = .steps(4) }
    _ = try job.choose()
    let before = job.model.parameters.map { ($0.parameter, $0.parameter.value) }
    _ = try train(job)
    for (parameter, value) in before {
      // The gradient of a key's bias is only rounding; AdamW's decay leaves a zero bias at zero.
      // The feed-forward biases of the model are zeros, from which HiWi's net makes nothing.
      #expect(
        parameter.value.isIdentical(to: value) != parameter.isTrainable
          || parameter.name.hasSuffix("key.bias")
          || parameter.name.hasSuffix("dense.hiwi_up"), "\(parameter.name)")
    }
  }

  @Test(
    "frozen matrices packed in bf16 are read from the file at evaluations and at the end",
    arguments: [
      LowRankAdaptation(rank: 2), WeightDecomposedAdaptation(LowRankAdaptation(rank: 2)),
    ] as [any AdaptationMethod])
  func heldOnce(method: any AdaptationMethod) throws {
    func trained(keepingAll: Bool) throws -> (PreparedJob, TrainingOutcome) {
      let job = try prepared(method) {
        $0.settings.precision = .bf16
        $0.settings.length = .steps(7)
        $0.settings.evaluationInterval = 2
        // Also with batches of few rows.
        $0.settings.batches = BatchPlan(size: .examples(3))
      }
      if keepingAll { for entry in job.model.parameters { entry.parameter.origin = nil } }
      var held: [Int] = []
      let outcome = try train(
        job,
        observing: { event in
          if case .step = event {
            held.append(job.model.parameters.reduce(0) { $0 + $1.parameter.valueBytes })
          }
        })
      let all = 4 * job.model.parameterCount
      #expect(held.allSatisfy { keepingAll ? $0 == all : $0 < all * 9 / 10 }, "\(held) of \(all)")
      #expect(job.model.parameters.allSatisfy { $0.parameter.valueBytes > 0 })
      return (job, outcome)
    }
    let (once, twice) = (try trained(keepingAll: false), try trained(keepingAll: true))
    #expect(once.1.bestMetrics.map(\.value) == twice.1.bestMetrics.map(\.value))
    for (left, right) in zip(once.0.model.parameters, twice.0.model.parameters) {
      #expect(left.parameter.value.isIdentical(to: right.parameter.value), "\(left.parameter.name)")
    }
  }

  @Test("a model file that changes while in use ends the run, and the error names it")
  func changedFile() throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-changed-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let texts = ["good", "bad"].map { TextExample(text: $0, label: $0, line: 1) }
    try SmallModel.write(to: directory, texts: texts.map(\.text))
    try JSONLinesFile.write(texts, to: directory + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: directory, trainPath: directory + "/train.jsonl",
      method: LowRankAdaptation(rank: 2))
    job.devPath = job.trainPath
    job.settings.precision = .bf16
    job.settings.length = .steps(2)
    let weights = directory + "/model.safetensors"
    let file = try #require(FileHandle(forUpdatingAtPath: weights))
    #expect {
      try train(
        try job.prepare(),
        observing: { event in
          guard case .step = event else { return }
          file.seekToEndOfFile()
          file.write(Data([0]))
        })
    } throws: { error in
      let error = error as? FileError
      return error?.kind == .malformed && error?.path == weights
    }
  }

  @Test("a new head for regression starts at the mean of the labels, one for classes at 0")
  func initialBias() throws {
    let job = try prepared(regression: true) {
      let rows = try? String(contentsOfFile: $0.trainPath, encoding: .utf8)
      try? rows?.replacing("\"-0.5\"", with: "\"2.5\"").write(
        toFile: $0.trainPath, atomically: true, encoding: .utf8)
    }
    #expect(job.model.outputBias?.value.elements == [1.5])
    let classes = try prepared()
    #expect(classes.model.outputBias?.value.elements == [0, 0])
  }

  @Test("regression learns")
  func regression() throws {
    let job = try prepared(regression: true) { $0.settings.length = .epochs(20) }
    #expect(job.task is Regression)
    let outcome = try train(job)
    let pearson = outcome.bestMetrics.first { $0.name == "pearson" }?.value ?? 0
    #expect(pearson > 0.9)
  }

  @Test("the model keeps the best evaluation, and patience ends the run")
  func bestIsKept() throws {
    let job = try prepared {
      $0.settings.length = .steps(200)
      $0.settings.evaluationInterval = 3
      $0.settings.patience = 2
    }
    var seen: [(step: Int, accuracy: Double, loss: Double)] = []
    let outcome = try train(
      job,
      observing: { event in
        if case .evaluation(let step, let metrics, _) = event {
          let values = Dictionary(uniqueKeysWithValues: metrics.map { ($0.name, $0.value) })
          seen.append((step, values["accuracy"] ?? 0, values["loss"] ?? .infinity))
        }
      })
    let best = try #require(seen.map(\.accuracy).max())
    let ties = seen.filter { $0.accuracy == best }
    #expect(ties.count > 1 && outcome.bestStep == ties.min { $0.loss < $1.loss }?.step)
    #expect(outcome.ending == .stoppedEarly)
    #expect(seen.last?.step == ties[0].step + 6)
    let dev = try #require(job.dev)
    #expect(job.model.evaluate(dev, task: job.task)["accuracy"] == best)
  }

  @Test("a request to stop ends the run after the step")
  func stops() throws {
    let job = try prepared { $0.settings.length = .steps(100) }
    var steps = 0
    let outcome = try train(
      job, stoppingWhen: { steps == 5 },
      observing: { event in if case .step = event { steps += 1 } })
    #expect(outcome.ending == .interrupted)
    #expect(outcome.steps == 5)
  }

  @Test("a loss that is not finite ends the run before its step")
  func nonFinite() throws {
    let job = try prepared { $0.settings.length = .steps(10) }
    let poisoned = try #require(job.model.parameters.last?.parameter)
    poisoned.value = Tensor(repeating: .infinity, shape: poisoned.shape)
    let others = job.model.parameters.dropLast().map { ($0.parameter, $0.parameter.value) }
    #expect {
      _ = try train(job)
    } throws: { error in (error as? NonFiniteLoss)?.step == 1 }
    #expect(others.allSatisfy { $0.0.value.isIdentical(to: $0.1) })
  }

  @Test("parameters that are not finite after the last step are an error")
  func nonFiniteEnd() throws {
    let job = try prepared {
      $0.settings.length = .steps(1)
      $0.settings.learningRate = 1e39
      $0.devPath = nil
    }
    #expect {
      _ = try train(job)
    } throws: { error in
      (error as? NonFiniteLoss)?.isTaken == true && "\(error)".contains("after it")
    }
  }

  @Test("settings that do not fit the model are refused by name")
  func invalid() {
    let long = #expect(throws: InvalidSetting.self) {
      try prepared { $0.maximumLength = 1000 }
    }
    #expect(long?.setting == "max-length")
    #expect(long?.description.hasPrefix("`max-length` 1000: ") == true)
    let unknown = #expect(throws: InvalidSetting.self) {
      try prepared(LowRankAdaptation(rank: 2, targets: ["nothing"]))
    }
    #expect(unknown?.setting == "targets")
    #expect(unknown?.description.hasPrefix("`targets`: ") == true)
  }
}
