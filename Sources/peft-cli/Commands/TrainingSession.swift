import Foundation
import PEFTModels
import PEFTReport
import PEFTRuns
import PEFTTensor

/// Runs one training job and shows its progress; shared by `train` and `quickstart`.
struct TrainingSession {
  let job: TrainingJob
  let common: CommonOptions

  /// Prepares and forecasts the run, and trains unless it is a dry run.
  ///
  /// - Parameter checkpoints: how often, in steps, the state is saved, in addition to after every
  ///   evaluation.
  func run(
    to output: String?, start: RunStart, checkpoints: Int? = nil, dryRun: Bool = false
  ) throws {
    try checkRanks(
      output: output, start: start, checkpoints: checkpoints, isDry: dryRun)
    if start == .resuming, let output, let manifest = try finishedRun(in: output) {
      common.note("the run in \(output) is finished; there is nothing to do")
      return show(manifest, output: output)
    }
    let prepared = try job.prepare()
    try Ranks.agree(prepared.recipe.members.map { ($0.key, $0.value.text()) })
    prepared.notes.forEach { common.note($0) }
    let forecast = prepared.forecast(timing: dryRun)
    guard let output, !dryRun else { return show(forecast, of: prepared) }
    try forecast.memory.check()
    let counts = prepared.counts
    common.note(Self.trainableLine(counts))
    common.note(
      "\(job.method.name): \(forecast.steps) steps on \(prepared.train.count) examples, "
        + "\(WorkerPool.shared.workerCount) worker"
        + (WorkerPool.shared.workerCount == 1 ? "" : "s")
        + (Ranks.isMPI ? " on each of \(Ranks.collective.count) ranks" : ""))
    Interruption.watch()
    let progress = ProgressLine(isQuiet: common.quiet)
    let manifest = try prepared.run(
      to: output, start: start, checkpoints: checkpoints, collective: Ranks.collective,
      shouldStop: { Interruption.isRequested }, note: common.note, searching: progress.show,
      observe: progress.show)
    show(manifest, output: output)
    if manifest.outcome.ending == .interrupted { throw Interrupted(run: output) }
  }

  /// The counts in the words of Hugging Face PEFT's `print_trainable_parameters`, for scripts that
  /// look for them.
  static func trainableLine(_ counts: (trainable: Int, parameters: Int)) -> String {
    let percent = String(
      format: "%.4f", 100 * Double(counts.trainable) / Double(counts.parameters))
    return "trainable params: \(counts.trainable.grouped) || "
      + "all params: \(counts.parameters.grouped) || trainable%: \(percent)"
  }

  /// The manifest of a finished run in `output`, which the first process reads for all; nil if
  /// there is none.
  private func finishedRun(in output: String) throws -> RunManifest? {
    let collective = Ranks.collective
    guard collective.count > 1 else { return try job.finishedRun(in: output) }
    let found = collective.rank == 0 ? try job.finishedRun(in: output) : nil
    guard try collective.any(found != nil) else { return nil }
    return try found ?? RunManifest.read(output)
  }

  /// Throws unless all processes were started for the same run, and each has an atom of its own.
  private func checkRanks(
    output: String?, start: RunStart, checkpoints: Int?, isDry: Bool
  ) throws {
    try Ranks.agree(
      [
        ("the version of peft", packageVersion),
        ("the instruction set", VectorKernels.active.instructionSet.rawValue),
        ("the core of BLAS", Processor.blasCoreName), ("output", output ?? ""),
        ("the start", "\(start)"), ("checkpoint-every", checkpoints.map { "\($0)" } ?? ""),
        ("dry-run", "\(isDry)"),
      ] + (job.json.object?.members.map { ($0.key, $0.value.text()) } ?? []))
    let (ranks, atoms) = (Ranks.collective.count, job.settings.atomCount)
    guard ranks > atoms else { return }
    throw InvalidSetting(
      setting: "atoms", value: job.settings.atoms,
      "\(ranks) ranks share the \(atoms) atoms of a step, which are whole examples; raise it, or "
        + "`batch-size`, to \(ranks), or start fewer ranks")
  }

  private func show(_ manifest: RunManifest, output: String) {
    let outcome = manifest.outcome
    manifest.checks.warnings.forEach { common.note("warning: " + $0) }
    if common.json {
      var document = manifest.summary
      document["run"] = .string(output)
      Console.output(.object(document))
      return
    }
    if !manifest.metrics.isEmpty {
      let (names, rows) = manifest.metricTable
      var table = TextTable(header: [""] + names)
      rows.forEach { table.add($0) }
      table.lines(width: .max).forEach { Console.output($0) }
      if let note = manifest.checks.baselineNote { Console.output(note) }
    }
    let percent = String(format: "%.3g %%", manifest.trainablePercent)
    // A run of two steps has not been timed.
    let speed =
      outcome.tokensPerSecond > 0
      ? ", \(ReportText.whole(outcome.tokensPerSecond)) tokens/s" : ""
    Console.output(
      "trained \(manifest.counts.trainable.grouped) of \(manifest.counts.parameters.grouped) "
        + "parameters (\(percent)) in \(ProgressLine.duration(outcome.seconds))\(speed); "
        + "best at step \(outcome.bestStep) of \(outcome.plannedSteps)")
    if let rates = manifest.rates {
      Console.output(
        "learning rate \(rates.rate), found in \(ProgressLine.duration(rates.seconds))")
    }
    Console.output("run: \(output)   report: \(output)/report.html")
  }

  /// The purposes for which a training run needs memory, in display order.
  private static let memoryItems: [MemoryForecast.Item] = [
    .process, .weights, .gradients, .optimizer, .rateSearch, .bestCopy, .packedWeights,
    .activations,
  ]

  private func show(_ forecast: TrainingForecast, of prepared: PreparedJob) {
    let (counts, memory) = (prepared.counts, forecast.memory)
    if common.json {
      var document: JSONObject = [:]
      for item in Self.memoryItems { document[item.rawValue] = .integer(memory[item]) }
      document["total"] = .integer(memory.totalBytes)
      Console.output(
        .object([
          "trainable": .integer(counts.trainable), "parameters": .integer(counts.parameters),
          "steps": .integer(forecast.steps),
          "memory": .object(document),
          "tokensPerSecond": .number(forecast.tokensPerSecond ?? 0),
          "seconds": .number(forecast.seconds ?? 0),
        ]))
      return
    }
    var table = TextTable(header: ["memory", "MiB"])
    for item in Self.memoryItems { table.add([item.title, "\(memory[item] >> 20)"]) }
    table.add(["total", "\(memory.totalBytes >> 20)"])
    Console.output(
      "\(job.method.name): \(counts.trainable.grouped) of \(counts.parameters.grouped) parameters "
        + "would train, \(forecast.steps) steps")
    table.lines(width: .max).forEach { Console.output($0) }
    if let seconds = forecast.seconds, let rate = forecast.tokensPerSecond {
      Console.output(
        "about \(ProgressLine.duration(seconds)) at \(ReportText.whole(rate)) tokens/s, without evaluations"
      )
    }
    Console.output("nothing was written")
  }
}
