import ArgumentParser
import Foundation
import PEFTRuns
import PEFTStudy
import PEFTTensor

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks a plan by solving it again, or a run or delta against its base model.",
    discussion: """
      For a plan, the command recomputes weight, value and bound; for a plan from --interacting, it \
      checks only the weight and the rules. For a run or delta, it compares the SHA-256 of the files \
      and of the base model, and loads the tensors. If a directory has both, it checks both.

      The exit status is 0 if everything holds, 4 if a plan does not, and 3 if files do not.

      Examples:
        peft verify runs/probe/plan.json
        peft verify deltas/sst2 --model minilm
      """)

  @Argument(
    help: "A plan.json, a directory with one, a run directory, or a delta.", completion: .file())
  var path: String

  @Option(
    name: .customLong("model"),
    help: "Directory of the base model of a run or delta, if it has moved since the training.",
    completion: .directory)
  var base: String?

  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    let hasRun = FileManager.default.fileExists(atPath: path + "/" + RunManifest.fileName)
    let hasPlan = FileManager.default.fileExists(atPath: path + "/" + Plan.fileName)
    var document: JSONObject = ["holds": .bool(true)]
    if hasPlan || !hasRun { try checkPlan(&document) }
    if hasRun { try checkRun(&document) }
    let notes = try isDirectory ? ResultCheck.check(path) : []
    notes.forEach { common.note($0) }
    if common.json { Console.output(.object(document)) }
  }

  private var isDirectory: Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && isDirectory.boolValue
  }

  private func checkRun(_ document: inout JSONObject) throws {
    let manifest = try RunExport(path, base: base).manifest
    document["run"] = .object([
      "trainable": .integer(manifest.counts.trainable), "method": .string(manifest.method.name),
    ])
    guard !common.json else { return }
    Console.output(
      "holds: \(manifest.method.name), \(manifest.counts.trainable.grouped) of "
        + "\(manifest.counts.parameters.grouped) parameters, on the base it was trained on")
  }

  private func checkPlan(_ document: inout JSONObject) throws {
    let plan = try Plan.read(path, checking: false)
    let found = try plan.check(isDirectory ? path + "/" + Plan.fileName : path)
    // Check the numbers first, because those errors name what is wrong.
    try Plan.read(path).checkFiles(beside: path)
    document["weight"] = .integer(found.weight)
    document["value"] = .number(found.value)
    document["upperBound"] = .number(plan.upperBound)
    document["fractionalBound"] = .number(found.fractionalBound)
    document["proven"] = .bool(plan.isProven)
    document["bestValue"] = found.bestValue.map { .number($0) }
    guard !common.json else { return }
    Console.output(
      "holds: \(plan.groups.count) groups, \(found.weight.grouped) of \(plan.budget.grouped) "
        + "parameters, value \(found.value)")
    Console.output(
      found.bestValue.map { "solved again: \($0); bound \(plan.upperBound)" }
        ?? "selected for its value with interactions, which `verify` does not recompute")
  }
}
