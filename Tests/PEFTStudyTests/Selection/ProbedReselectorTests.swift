import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Selecting again by probes")
struct ProbedReselectorTests {
  private let path: String
  private let job: TrainingJob

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
    let rows = (0..<60).map { index in
      TextExample(text: "the film \(index % 5)", label: "\(index % 2)", line: index + 1)
    }
    try SmallModel.write(to: path + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: path + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: FullTuning())
    job.pooling = .mean
    job.settings.length = .steps(8)
    job.settings.batches = BatchPlan(size: .examples(6))
    self.job = job
  }

  private func influence(_ candidates: AdapterCandidates?) throws -> Influence {
    var settings = InfluenceSettings()
    settings.rule = .tensor
    settings.candidates = candidates
    settings.headSteps = 5
    settings.probe.path = .held(directionBatches: 3)
    settings.probe.probeCount = 4
    return try #require(try job.prepare().measureInfluence(settings))
  }

  private func plan(_ influence: Influence, beyondHead budget: Int) throws -> Plan {
    try Planner(influence).plan(budget: influence.groups.headParameterCount + budget)
  }

  @Test("it stays within the budget, says what changes, and changes nothing itself")
  func budget() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let influence = try influence(AdapterCandidates(ranks: [1], elements: [2, 7]))
    let plan = try plan(influence, beyondHead: 700)
    let reselector = try ProbedReselector(plan, from: influence)
    var job = job
    job.carryOut(plan)
    var method = plan.method
    method.reselection = .steps(2)
    job.method = method
    job.reselector = reselector
    let prepared = try job.prepare()
    let before = prepared.model.parameters.map {
      ($0.parameter.name, $0.parameter.value, $0.parameter.history)
    }
    let first = try reselector.selection(in: prepared, after: 2)
    for (entry, old) in zip(prepared.model.parameters, before) {
      #expect(entry.parameter.value.isIdentical(to: old.1) && entry.parameter.history == old.2)
    }
    let chosen = Set(
      plan.groups.map(\.group).filter { !$0.isFixed && !$0.name.hasPrefix("lora:") }.map(\.name))
    #expect(Set(first.kept + first.dropped) == chosen)
    #expect(Set(first.added).isDisjoint(with: chosen))
    let sizes = Dictionary(
      uniqueKeysWithValues: influence.groups.map { ($0.name, $0.parameterCount) })
    let deltas = plan.groups.map(\.group).filter { $0.name.hasPrefix("lora:") }
    let size = (first.kept + first.added).reduce(0) { $0 + (sizes[$1] ?? .max / 2) }
    #expect(size + deltas.reduce(0) { $0 + $1.parameterCount } <= 700)
    // The same values give the same choice, and other steps other batches.
    let again = try reselector.selection(in: prepared, after: 2)
    #expect(again.members == first.members && again.added == first.added)
  }

  @Test("a plan is refused whose groups cannot be probed again or do not move")
  func refusals() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let influence = try influence(AdapterCandidates(ranks: [1]))
    let head = influence.groups.headParameterCount
    func message(_ plan: Plan, _ influence: Influence) -> String {
      do throws(InvalidSetting) {
        _ = try ProbedReselector(plan, from: influence)
        return ""
      } catch { return error.description }
    }
    func isDelta(_ group: ParameterGroup) -> Bool { group.name.hasPrefix("lora:") }
    var deltas = try Planner(influence).rankedPlan(
      budget: head + 700, by: influence.groups.map { isDelta($0) ? 1 : 0.1 }, ending: .never)
    deltas.groups.removeAll { !$0.group.isFixed && !isDelta($0.group) }
    try #require(deltas.groups.contains { isDelta($0.group) })
    #expect(message(deltas, influence).contains("deltas alone"))
    var other = try plan(influence, beyondHead: 700)
    other.valueRule = "fisher"
    #expect(message(other, influence).contains("fisher"))
    let coarse = try self.influence(nil)
    #expect(message(deltas, coarse).contains("not those"))
  }
}
