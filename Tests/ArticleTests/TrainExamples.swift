import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTReport
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain
import Testing

/// The examples of PEFTTrain's articles.
@Suite("Examples of PEFTTrain")
struct TrainExamples {
  private let files: ExampleFiles

  init() throws { files = try ExampleFiles() }

  /// A run of a few steps.
  private func run(_ method: any AdaptationMethod, _ name: String) throws -> String {
    var job = TrainingJob(
      modelDirectory: files.modelDirectory, trainPath: files.trainPath, method: method)
    job.devPath = files.devPath
    job.settings.length = .steps(4)
    let run = files.directory + "/" + name
    _ = try job.prepare().run(to: run, start: .new, shouldStop: { false }) { _ in }
    return run
  }

  @Test("finding the learning rate")
  func rates() throws {
    var job = TrainingJob(
      modelDirectory: files.modelDirectory, trainPath: files.trainPath, method: NormTuning())
    job.settings.length = .steps(8)
    let prepared = try job.prepare()

    let found = try prepared.findRate(shouldStop: { false }, observe: { _ in })
    print(found?.search.rate ?? 0, found?.search.arms.count ?? 0)
    #expect((found?.search.rate ?? 0) > 0)
  }

  @Test("measuring and planning")
  func planning() throws {
    let (modelDirectory, trainPath) = (files.modelDirectory, files.trainPath)
    var job = TrainingJob(
      modelDirectory: modelDirectory, trainPath: trainPath, method: FullTuning())
    job.settings.batches = BatchPlan(size: .examples(8))
    let prepared = try job.prepare()

    var settings = InfluenceSettings()
    settings.candidates = AdapterCandidates(ranks: [2, 4])
    settings.headSteps = 20
    settings.probe.path = .held(directionBatches: 6)
    settings.probe.probeCount = 4
    guard let influence = try prepared.measureInfluence(settings) else { return }

    let planner = Planner(influence)
    let plan = try planner.plan(budget: prepared.counts.parameters / 20)
    let verification = try plan.check()
    print(plan.groups.map(\.group.name), plan.value, plan.isProven)
    for point in try planner.frontier() { print(point.parameters, point.value) }
    #expect(verification.weight <= prepared.counts.parameters / 20)
    #expect(plan.groups.contains { $0.group.isFixed } && plan.groups.count > 1)

    job.carryOut(plan)
    job.settings.rateFactors = plan.rateFactors
    let chosen = try job.prepare()
    #expect(chosen.counts.trainable == plan.weight)

    var tuning = plan.method
    tuning.reselection = .percent(25)
    job.method = tuning
    job.reselector = try ProbedReselector(plan, from: influence)
    #expect(try job.prepare().session != nil)

    let directory = files.directory
    try influence.write(to: directory + "/" + Influence.fileName)
    try plan.write(to: directory + "/" + Plan.fileName)
    let again = try Plan.read(directory)
    #expect(again.weight == plan.weight)

    let map = InfluenceHeatMap(
      groups: influence.groups, influences: influence.influences,
      layerCount: influence.layerCount, chosen: Set(plan.groups.map(\.group.name)))
    for line in map.lines(width: 80, colour: false) { print(line) }
    let report = SelectionReport(
      influence, plan: plan, frontier: try planner.frontier(), comparison: nil)
    print(report.answer)
    try AtomicFile.write(Array(report.html.utf8), to: directory + "/selection.html")
    #expect(!map.lines(width: 80, colour: false).isEmpty)
  }

  @Test("training")
  func training() throws {
    let (modelDirectory, trainPath, devPath) = (
      files.modelDirectory, files.trainPath, files.devPath
    )
    var job = TrainingJob(
      modelDirectory: modelDirectory, trainPath: trainPath, method: BiasTuning())
    job.devPath = devPath
    job.settings.length = .steps(6)
    job.settings.batches = BatchPlan(size: .tokens(64))
    job.settings.learningRate = 2e-3
    job.settings.evaluationInterval = 3

    let prepared = try job.prepare()
    for note in prepared.notes { print(note) }
    let forecast = prepared.forecast(timing: false)
    try forecast.memory.check()
    print(prepared.counts.trainable, "parameters,", forecast.memory.totalBytes, "bytes")

    let outcome = try train(
      prepared.model, on: prepared.train, evaluatingOn: prepared.dev, task: prepared.task,
      settings: job.settings
    ) { event in
      switch event {
      case .step(let report): print(report.numbers.step, report.numbers.loss)
      case .evaluation(let step, let metrics, let isBest): print(step, metrics, isBest)
      case .reselection: break  // of a selection that is made again
      }
    }
    #expect(outcome.ending == .finished && outcome.steps == 6 && !outcome.bestMetrics.isEmpty)

    if let dev = prepared.dev {
      let evaluation = prepared.model.evaluate(dev, task: prepared.task)
      print(evaluation["accuracy"] ?? 0, evaluation["loss"] ?? 0)
    }
    let dev = try #require(prepared.dev)
    #expect(
      prepared.model.evaluate(dev, task: prepared.task)["loss"] == outcome.bestMetrics.last?.value)
  }

  @Test("runs and checkpoints")
  func runs() throws {
    var job = TrainingJob(
      modelDirectory: files.modelDirectory, trainPath: files.trainPath,
      method: LowRankAdaptation(rank: 2))
    job.devPath = files.devPath
    job.settings.length = .steps(4)
    let output = files.directory + "/run"
    let (isInterrupted, devPath) = (false, files.devPath)
    let manifest: RunManifest
    if let finished = try job.finishedRun(in: output) {
      manifest = finished
    } else {
      manifest = try job.prepare().run(
        to: output, start: .resuming, checkpoints: 2, shouldStop: { isInterrupted },
        note: { print($0) }, observe: { _ in })
    }
    print(manifest.outcome.ending, manifest.outcome.bestMetrics)
    #expect(manifest.outcome.ending == .finished)

    let trained = try TrainedModel.open(output)
    if let task = trained.task {
      let reader = try trained.reader(format: nil, columns: nil)
      let rows = try reader.rows(devPath, kind: trained.kind(.auto))
      let data = try task.encode(rows, by: reader)
      print(trained.model.evaluate(data, task: task)["accuracy"] ?? 0)
    }
    #expect(trained.model.trainableCount == manifest.counts.trainable)
  }

  @Test("exports")
  func exports() throws {
    let run = try run(LowRankAdaptation(rank: 2), "run")
    let (modelDirectory, directory) = (files.modelDirectory, files.directory)
    for format in RunExport.Format.allCases {
      let export = try RunExport(run)  // merging changes the model, so each has its own
      let written = try export.write(format, to: directory + "/" + format.rawValue)
      print(format, written.files, written.largestDifference ?? 0, written.largestLogit)
    }
    let merged = try TrainedModel.open(directory + "/merged")
    let delta = try TrainedModel.open(directory + "/delta", base: modelDirectory)
    let adapter = try TrainedModel.open(adapter: directory + "/peft", base: modelDirectory)
    let batch = PackedBatch(sequences: [[5, 6, 7], [8, 9]])
    let expected = try TrainedModel.open(run).model.logits(batch, on: Tape()).value
    for other in [merged, delta, adapter] {
      let error = other.model.logits(batch, on: Tape()).value.relativeError(to: expected)
      #expect(error < 1e-5)
    }
  }

  @Test("reports")
  func reports() throws {
    let (first, second) = (
      try run(LowRankAdaptation(rank: 2), "lora"), try run(BiasTuning(), "bitfit")
    )
    let output = files.directory + "/both.html"
    try ReportPage.write(first)  // first/report.html
    let both = try ReportPage.html(of: [first, second])
    try AtomicFile.write(Array(both.utf8), to: output)
    #expect(both.contains("<svg") && !both.contains("<script"))
  }
}
