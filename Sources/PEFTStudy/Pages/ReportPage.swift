import Foundation
import PEFTReport
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// The page for the contents of directories: a selection with its training results, a comparison,
/// or runs.
public enum ReportPage {
  /// The file's name.
  public static let fileName = RunReport.fileName

  /// The page for a single directory with a run, influences and their plan, an adaptation or a
  /// comparison, or for several runs.
  public static func html(of directories: [String]) throws(FileError) -> String {
    guard directories.count == 1, let directory = directories.first else {
      let runs = try directories.map { directory throws(FileError) in try run(directory) }
      return RunReport(runs: runs).html
    }
    let comparison =
      exists(Comparison.fileName, in: directory) ? try Comparison.read(directory) : nil
    if comparison != nil { try Comparison.checkFiles(in: directory) }
    if exists(Influence.fileName, in: directory), exists(Plan.fileName, in: directory) {
      return try selection(directory, comparison).html
    }
    if let comparison {
      return try ComparisonReport(
        comparison, curves(directory, comparison), rates(directory, comparison),
        environment: environment(directory)
      ).html
    }
    guard exists(RunManifest.fileName, in: directory) else {
      throw FileError(
        .notFound, path: directory,
        reason: "it has no finished run, no plan next to influences and no comparison",
        remedy: "name the directory of a run, a plan, an adaptation or a comparison")
    }
    return RunReport(runs: [try run(directory)]).html
  }

  /// Writes the page of a directory into it.
  ///
  /// Replaces only an older page.
  public static func write(_ directory: String) throws(FileError) {
    try write(of: [directory], to: nil)
  }

  /// Writes the page of a command's own directory into it.
  public static func write(_ output: OutputDirectory) throws(FileError) {
    try PageFile.write(html(of: [output.path]), to: output.file(fileName))
  }

  /// Writes the page of directories to `path`, replacing only another page. If `path` is nil, the
  /// page is `report.html` in the single directory.
  ///
  /// - Returns: the path of the page.
  @discardableResult
  public static func write(
    of directories: [String], to path: String?
  ) throws(FileError) -> String {
    let page = try html(of: directories)
    let place = path ?? directories[0] + "/" + fileName
    try PageFile.replace(with: page, at: place)
    if path == nil { try OutputDirectory.list(fileName, in: directories[0]) }
    return place
  }

  private static func exists(_ name: String, in directory: String) -> Bool {
    FileManager.default.fileExists(atPath: directory + "/" + name)
  }

  private static func run(_ directory: String) throws(FileError) -> RunReport.Run {
    let (manifest, history) = try course(of: directory)
    return RunReport.Run(
      name: URL(filePath: directory).lastPathComponent, manifest: manifest, history: history,
      environment: try environment(directory))
  }

  /// The manifest and the course of a run.
  ///
  /// Throws `malformed` if a file from which they are read was changed after the run.
  private static func course(
    of directory: String
  ) throws(FileError) -> (manifest: RunManifest, history: RunHistory) {
    let manifest = try RunManifest.read(directory)
    try manifest.checkFiles(in: directory, where: RunHistory.fileNames.contains)
    return (manifest, try RunHistory(directory))
  }

  /// The environment of a result; empty if it is not known.
  private static func environment(_ directory: String) throws(FileError) -> [(String, String)] {
    let path = directory + "/" + EnvironmentReport.fileName
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return EnvironmentReport.facts(of: try JSONValue(contentsOf: path))
  }

  private static func selection(
    _ directory: String, _ comparison: Comparison?
  ) throws(FileError) -> SelectionReport {
    let (influence, plan) = (try Influence.read(directory), try Plan.read(directory))
    guard plan.isOf(influence) else {
      throw FileError(
        .malformed, path: directory + "/" + Plan.fileName,
        reason: "it does not belong to the influences next to it: its model or groups differ",
        remedy: "select again, or move it into a directory of its own")
    }
    try plan.checkFiles(beside: directory)
    var report = SelectionReport(
      influence, plan: plan,
      frontier: exists(FrontierFile.fileName, in: directory)
        ? try FrontierFile.read(directory) : [],
      comparison: comparison)
    report.environment = try environment(directory)
    if let comparison {
      report.curves = try curves(directory, comparison)
      report.rates = try rates(directory, comparison)
    }
    if comparison != nil, exists(RunManifest.fileName, in: directory) {
      let manifest = try RunManifest.read(directory)
      if let (split, matrix) = manifest.checks.confusion, let classes = manifest.task.classes {
        report.classes = (split, matrix.tables(classes.names, limit: RunReport.classLimit))
      }
    }
    return report
  }

  /// The directory with the run of a method's first seed; nil without one.
  private static func place(of entry: Comparison.Entry, in directory: String) -> String? {
    guard let seed = entry.runs.first?.seed else { return nil }
    let below = directory + "/" + RunStore.place(of: entry.label, seed)
    let place = exists(RunManifest.fileName, in: below) ? below : directory
    return entry.isSelection || place != directory ? place : nil
  }

  /// The learning rates that were tried with each method's first seed.
  private static func rates(
    _ directory: String, _ comparison: Comparison
  ) throws(FileError) -> RateStrip {
    var rows: [RateStrip.Row] = []
    for entry in comparison.entries {
      guard let place = place(of: entry, in: directory),
        exists(RunManifest.fileName, in: place)
      else { continue }
      let search = try RunManifest.read(place).rates
      let tried =
        if let search { search.arms.map { ($0.rate, $0.loss) } } else {
          try RunStore.triedRates(in: place)
        }
      rows.append(
        RateStrip.Row(
          entry.label, tried: tried, chosen: entry.learningRate, isOurs: entry.isSelection))
    }
    return RateStrip(rows)
  }

  /// The training losses of each method's first seed, if its run exists.
  private static func curves(
    _ directory: String, _ comparison: Comparison
  ) throws(FileError) -> CurveChart {
    var lines: [CurveChart.Line] = []
    for entry in comparison.entries {
      guard let place = place(of: entry, in: directory), exists("steps.csv", in: place) else {
        continue
      }
      let history =
        exists(RunManifest.fileName, in: place)
        ? try course(of: place).history : try RunHistory(place)
      lines.append(CurveChart.Line(entry.label, history.losses, isOurs: entry.isSelection))
    }
    return CurveChart(lines: lines, valueName: "training loss, first seed")
  }
}
