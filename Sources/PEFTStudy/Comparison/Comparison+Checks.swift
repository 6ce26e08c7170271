import PEFTData
import PEFTReport
import PEFTRuns

extension Comparison {
  /// Sets the baselines, and the warnings about the methods so far, on the data of `inputs`.
  mutating func judge(on inputs: TrainingInputs) {
    if baselines.isEmpty { baselines = inputs.baselines(from: inputs.trainingTargets) }
    warnings = []
    guard let data = inputs.splits.first(where: { $0.name == split })?.data else { return }
    let task = inputs.task
    let constant = entries.filter { entry in
      entry.runs.contains { run in
        let metrics = run.metrics.first { $0.split == split }?.values ?? []
        return task.onlyAnswer(in: metrics, on: data) != nil
      }
    }
    if !constant.isEmpty {
      warnings.append("\(split): one answer for every row: " + Self.names(constant))
    }
    guard let baseline = baseline(on: split), let chance = baseline[metric] else { return }
    let primary = task.primaryMetric
    let weak = entries.filter { entry in
      entry.mean(metric, on: split).map {
        !primary.isAbove($0, baseline: chance, rowCount: baseline.rowCount)
      } ?? false
    }
    if !weak.isEmpty {
      warnings.append(
        "\(split): not distinguishably better than the baseline (\(metric) "
          + "\(ReportText.metric(chance))): " + Self.names(weak))
    }
  }

  private static func names(_ entries: [Entry]) -> String {
    entries.map(\.label).joined(separator: ", ")
  }

  /// A clause that names the entries that train more than the budget allows; nil without any.
  public var budgetNote: String? {
    let (over, total) = (entries.filter(isOverBudget), Double(modelParameters))
    guard !over.isEmpty, let budget else { return nil }
    return "over the budget of \(ReportText.percent(Double(budget), of: total)): "
      + over.map { "\($0.label) \(ReportText.percent(Double($0.trainable), of: total))" }
      .joined(separator: ", ")
  }

  /// `over budget: 0.13 % of 0.05 %` for an entry that trains more than the budget allows;
  /// otherwise nil.
  public func excess(of entry: Entry) -> String? {
    guard isOverBudget(entry), let budget else { return nil }
    let total = Double(modelParameters)
    return "over budget: \(ReportText.percent(Double(entry.trainable), of: total)) of "
      + ReportText.percent(Double(budget), of: total)
  }

  /// What a reader must know before the scores: the warnings, the methods that are still to train,
  /// those over the budget, and what the baseline is.
  public var notes: [String] {
    let baseline = baseline(on: split).map { "baseline: " + $0.description }
    let rest =
      remaining.isEmpty ? nil : "still to be trained: " + remaining.joined(separator: ", ")
    return warnings.map { "warning: " + $0 } + [rest, budgetNote, baseline].compactMap(\.self)
  }
}
