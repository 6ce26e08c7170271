import Foundation
import PEFTData
import PEFTModels
import PEFTReport
import PEFTRuns
import PEFTTensor

/// The result of a suite, as tables for a terminal, as a document and as a page.
public struct SuiteReport: Sendable {
  /// The name of the file with the statistics.
  public static let summaryName = "suite.json"

  private let results: StudyResults
  private let statistics: SuiteStatistics

  /// A table with its title and column names.
  struct Table {
    let title: String
    /// What its numbers are.
    let caption: String
    let header: [String]
    let rows: [[String]]
  }

  /// Creates a report on `results`.
  public init(_ results: StudyResults) {
    self.results = results
    statistics = SuiteStatistics(results)
  }

  private var suite: Study { results.study }

  /// One sentence with the answer.
  var answer: String {
    let headline = statistics.headline
    func count(_ verdict: SuiteStatistics.Verdict) -> Int {
      headline.count { $0.verdict == verdict }
    }
    let (wins, ties, losses) = (count(.win), count(.tie), count(.loss))
    let missing = suite.problems.count * suite.budgets.count - headline.count
    let result =
      headline.isEmpty
      ? "\(suite.ours) could not be compared with \(others)"
      : wins + losses == 0
        ? "\(suite.ours) is not distinguishable from \(others) at "
          + (ties == 1 ? "the only budget" : "any of \(ties) budgets")
        : "\(suite.ours) beats \(others) at \(wins) of \(headline.count) budgets, and loses at "
          + "\(losses)" + (ties > 0 ? "; \(ties) \(ties == 1 ? "is" : "are") undecided" : "")
    return result + (missing > 0 ? "; no comparison at \(missing) more" : "")
  }

  /// The methods to compare with, as `the best of lora, bitfit and norm`.
  private var others: String {
    let names = suite.baselines
    guard names.count > 1, let last = names.last else { return names.joined() }
    return "the best of \(names.dropLast().joined(separator: ", ")) and \(last)"
  }

  // MARK: - Tables

  private func score(_ value: Double) -> String { String(format: "%.4f", value) }

  /// A score from a problem's statistics in units of its metric. If smaller values of the metric
  /// are better, scores are negated values.
  private func metric(_ score: Double, of problem: String) -> Double {
    results.metrics[problem]?.higherIsBetter == false ? -score : score
  }

  /// An estimate from a problem's statistics in units of its metric.
  private func metric(
    _ estimate: SeedBootstrap.Estimate, of problem: String
  ) -> SeedBootstrap.Estimate {
    guard results.metrics[problem]?.higherIsBetter == false else { return estimate }
    return SeedBootstrap.Estimate(
      value: -estimate.value, low: -estimate.high, high: -estimate.low)
  }

  /// An estimate with its interval; without one for a single seed, which has none.
  private func interval(_ estimate: SeedBootstrap.Estimate, signed: Bool = false) -> String {
    guard estimate.low.isFinite, estimate.high.isFinite else {
      return String(format: signed ? "%+.4f" : "%.4f", estimate.value)
    }
    return String(
      format: signed ? "%+.4f (%+.4f to %+.4f)" : "%.4f (%.4f to %.4f)", estimate.value,
      estimate.low, estimate.high)
  }

  /// The name of a row in a table for `budget`; the budget is not repeated.
  private func name(of row: StudyRow, at budget: Double) -> String {
    row.budget == budget ? row.method : row.label
  }

  private var headlineTable: Table {
    Table(
      title: "\(suite.ours) and \(others)"
        + (results.metrics.values.allSatisfy(\.higherIsBetter)
          ? ""
          : " (a difference above 0 favours the first, even if a lower metric is better)"),
      caption: "Scores on the test data, means over the seeds",
      header: [
        "task", "budget", "verdict", "difference (95 %)", "ours", "its score", "other",
        "its score",
      ],
      rows: statistics.headline.map { item in
        [
          item.problem, text(ofBudget: item.budget), item.verdict.rawValue,
          interval(item.difference, signed: true), name(of: item.ours.row, at: item.budget),
          score(metric(item.scores.ours, of: item.problem)),
          name(of: item.other.row, at: item.budget),
          score(metric(item.scores.other, of: item.problem)),
        ]
      })
  }

  private var baselineTable: Table {
    Table(
      title: "Baselines, which read no text",
      caption: "Scores of the baselines",
      header: ["task", "metric", "dev", "test", "answer"],
      rows: suite.problems.compactMap { problem in
        guard let metric = results.metrics[problem.name],
          let baselines = results.baselines[problem.name], let first = baselines.first
        else { return nil }
        let scores = ["dev", "test"].map { split in
          baselines.first { $0.split == split }?.baseline[metric.name].map(score) ?? "–"
        }
        return [problem.name, metric.name] + scores + [first.baseline.description]
      })
  }

  private var tallyTable: Table {
    var families: [String] = []
    for problem in suite.problems {
      for family in statistics.families(on: problem.name)
      where family != suite.ours && !families.contains(family) { families.append(family) }
    }
    return Table(
      title: "\(suite.ours) and each family, over all tasks and budgets",
      caption: "Numbers of budgets",
      header: ["family", "won", "undecided", "lost"],
      rows: families.map { family in
        let tally = statistics.tally(suite.ours, against: family)
        return [family, "\(tally.wins)", "\(tally.ties)", "\(tally.losses)"]
      })
  }

  private func areaTable(_ problem: String) -> Table {
    Table(
      title: "\(problem): mean score over budgets from \(budgets)",
      caption: "Scores on the test data, with 95 % intervals",
      header: ["family", "mean (95 %)"],
      rows: statistics.areas(on: problem).sorted { $0.mean.value > $1.mean.value }.map {
        [$0.family, interval(metric($0.mean, of: problem))]
      })
  }

  private var budgets: String {
    [suite.budgets.first, suite.budgets.last].compactMap(\.self).map(text(ofBudget:))
      .joined(separator: " to ")
  }

  private func text(ofBudget share: Double) -> String {
    "\(ParameterBudget(.share(share), includesHead: suite.budgetsIncludeHead))"
  }

  /// The shares of full fine-tuning's score for which the smallest sufficient sizes are shown.
  private static let sufficientShares = [0.95, 0.98, 0.99]

  /// The parameters beside the head that are enough for a share of full fine-tuning's score, by
  /// family. Empty without full fine-tuning.
  private func sufficientTable(_ problem: String) -> Table {
    let rows = statistics.families(on: problem).map { family in
      [family]
        + Self.sufficientShares.map { share in
          statistics.sufficient(family, on: problem, share: share).map { found in
            let count = found.entry.trainable - (results.heads[problem] ?? 0)
            return
              "\(ReportText.grouped(count)) (\(String(format: "%.1f %%", 100 * found.testShare)))"
          } ?? "–"
        }
    }
    return Table(
      title:
        "\(problem): parameters, without the head, that reach a share of full fine-tuning's dev "
        + "score, and their share of its test score",
      caption: "Parameters, and the share of full fine-tuning's test score",
      header: ["family"] + Self.sufficientShares.map { String(format: "%.0f %%", 100 * $0) },
      rows: rows.contains { $0.dropFirst().contains { $0 != "–" } } ? rows : [])
  }

  private func rowTable(_ problem: String) -> Table {
    let metric = results.metrics[problem]?.name ?? "score"
    return Table(
      title: "\(problem): all rows",
      caption: "Means ± standard deviations over the seeds",
      header: [
        "row", "parameters", "share", "in the head", "stored, kB", "rate", "\(metric) on dev",
        "\(metric) on test", "training, s", "probe, s", "memory, MB",
      ],
      rows: results.entries.filter { $0.row.problem == problem }.map { entry in
        [
          entry.row.label, ReportText.grouped(Int(saturating: entry.meanTrainable.rounded())),
          ReportText.percent(entry.meanTrainable, of: statistics.parameters(of: problem)),
          ReportText.grouped(entry.chosen.first?.footprint?.head ?? 0),
          ReportText.grouped(
            Int(saturating: entry.mean { Double($0.footprint?.storedBytes ?? 0) } / 1000)),
          "\(entry.chosen.first?.learningRate ?? .nan)", spread(entry, metric, "dev"),
          spread(entry, metric, "test"), String(format: "%.1f", entry.mean(\.seconds)),
          String(format: "%.1f", entry.mean(\.probeSeconds)),
          ReportText.grouped(
            Int(saturating: entry.mean { Double($0.footprint?.peakMemory ?? 0) } / 1e6)),
        ]
      })
  }

  private func spread(_ entry: StudyResults.Entry, _ metric: String, _ split: String) -> String {
    guard let values = entry.values(metric, on: split) else { return "diverged" }
    let row = ScoreChart.Row(label: "", parameters: 1, scores: values)
    return row.mean.map(score).map { mean in
      mean + (row.deviation.map { " ± " + score($0) } ?? "")
    } ?? "–"
  }

  // MARK: - Forms

  /// The report for a terminal.
  public var lines: [String] {
    let tables =
      [headlineTable, tallyTable, baselineTable]
      + suite.problems.flatMap { [sufficientTable($0.name), areaTable($0.name)] }
    return [answer]
      + tables.filter { !$0.rows.isEmpty }.flatMap { item in
        var table = TextTable(header: item.header)
        for row in item.rows { table.add(row) }
        return ["", item.title] + table.lines(width: .max)
      }
  }

  /// Sentences that say how learning rates were chosen.
  private var rateRule: String {
    func text(_ rates: [Double]) -> String { rates.map { "\($0)" }.joined(separator: ", ") }
    let others = suite.methods.filter { $0.learningRates != nil }
    let usual =
      suite.learningRates.isEmpty
      ? "Every run found its own learning rate"
      : "The learning rate of every row was chosen from \(text(suite.learningRates)) on the dev data "
        + "of the first \(suite.rateSeedCount == 1 ? "seed" : "\(suite.rateSeedCount) seeds")"
    let exceptions = others.map { method in
      let rates = method.learningRates ?? []
      return "for \(method.name) " + (rates.isEmpty ? "by every run itself" : "from \(text(rates))")
    }
    return usual + (exceptions.isEmpty ? "" : "; \(exceptions.joined(separator: ", "))") + "."
  }

  /// The tables as a document.
  public var json: JSONValue {
    func document(_ table: Table) -> JSONValue {
      .object([
        "title": .string(table.title), "columns": .array(table.header.map { .string($0) }),
        "rows": .array(table.rows.map { .array($0.map { .string($0) }) }),
      ])
    }
    let tables =
      [headlineTable, tallyTable, baselineTable]
      + suite.problems.flatMap {
        [sufficientTable($0.name), areaTable($0.name), rowTable($0.name)]
      }
    return .object([
      "suite": .string(suite.name), "answer": .string(answer),
      "seeds": .array(suite.seeds.map { .string(String($0)) }),
      "learningRates": .array(suite.learningRates.map { .number($0) }),
      "budgets": .array(suite.budgets.map { .number($0) }),
      "budgetsIncludeHead": .bool(suite.budgetsIncludeHead),
      "headline": .array(
        statistics.headline.map { item in
          .object([
            "problem": .string(item.problem), "budget": .number(item.budget),
            "ours": .string(item.ours.row.label),
            "score": .number(metric(item.scores.ours, of: item.problem)),
            "other": .string(item.other.row.label),
            "otherScore": .number(metric(item.scores.other, of: item.problem)),
            "difference": .number(item.difference.value), "low": .number(item.difference.low),
            "high": .number(item.difference.high), "verdict": .string(item.verdict.rawValue),
          ])
        }),
      "tables": .array(tables.map(document)), "environment": environment,
    ])
  }

  /// The machine and software, without the command line: several processes may have made the runs.
  private var environment: JSONValue {
    var environment = EnvironmentReport.json.object ?? [:]
    environment["command"] = nil
    return .object(environment)
  }

  /// The page as HTML.
  public var html: String {
    var page = HTMLPage(title: "Suite \(suite.name)")
    page.answer(
      about: "Suite \(suite.name)", headline: answer,
      lead: suite.question.isEmpty ? [] : [suite.question], figures: [])
    page.paragraph(
      "\(suite.seeds.count) seeds. \(rateRule) "
        + (suite.seeds.count < SeedBootstrap.leastResampledSeeds
          ? (suite.seeds.count == 1
            ? "A single seed gives no intervals. "
            : "With so few seeds, the 95 % intervals are Student's. ")
          : "95 % intervals are percentiles of \(SeedBootstrap.resampleCount) paired resamples of "
            + "the seeds, widened because the seeds are few. ")
        + "At each budget, a family is represented by the "
        + "member that fits and is best on the dev data; scores are on the test data.")
    add(headlineTable, to: &page)
    add(tallyTable, to: &page)
    add(baselineTable, to: &page)
    for problem in suite.problems {
      page.heading(problem.name)
      page.figure(chart(problem.name).svg(width:))
      add(sufficientTable(problem.name), to: &page)
      add(areaTable(problem.name), to: &page)
      let rows = rowTable(problem.name)
      page.foldedTable(rows.title, header: rows.header, rows: rows.rows)
    }
    page.heading("Details")
    page.foldedFacts("Machine and software", EnvironmentReport.facts(of: environment))
    return page.html
  }

  /// Writes the page.
  public func write(to path: String) throws(FileError) { try PageFile.write(html, to: path) }

  private func add(_ table: Table, to page: inout HTMLPage) {
    guard !table.rows.isEmpty else { return }
    page.heading(table.title)
    page.table(table.caption, header: table.header, rows: table.rows)
  }

  private func chart(_ problem: String) -> SuiteChart {
    let metric = results.metrics[problem]?.name ?? "score"
    let entries = results.entries.filter { $0.row.problem == problem }
    let names = statistics.families(on: problem)
    let ordered = names.filter { $0 == suite.ours } + names.filter { $0 != suite.ours }
    return SuiteChart(
      families: ordered.map { family in
        (
          family,
          entries.filter { $0.row.family == family }.compactMap { entry in
            entry.values(metric, on: "test").map { values in
              let row = ScoreChart.Row(label: "", parameters: 1, scores: values)
              let standing = statistics.representative(
                family, on: problem, within: statistics.size(of: entry))
              return SuiteChart.Point(
                label: entry.row.label, parameters: entry.meanTrainable, mean: row.mean ?? 0,
                deviation: row.deviation, stands: standing?.row.label == entry.row.label)
            }
          }
        )
      }, ours: suite.ours, scoreName: metric, total: statistics.parameters(of: problem))
  }
}
