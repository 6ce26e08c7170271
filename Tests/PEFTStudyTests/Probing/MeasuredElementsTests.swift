import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Elements that a probe has measured")
struct MeasuredElementsTests {
  /// The positions of the elements of each weight in groups of `count`.
  private static func positions(_ groups: [ParameterGroup], count: Int) -> [String: [Int]] {
    var result: [String: [Int]] = [:]
    for case .elements(let weight, let number, let positions) in groups.flatMap(\.members)
    where number == count {
      result[weight] = positions
    }
    return result
  }

  @Test("they are in the file, nested, and the plan trains them without choosing again")
  func trained() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rows = (0..<60).map { index in
      TextExample(text: "the film \(index % 5)", label: "\(index % 2)", line: index + 1)
    }
    try SmallModel.write(to: path + "/model", texts: rows.map(\.text))
    try JSONLinesFile.write(rows, to: path + "/train.jsonl")
    var job = TrainingJob(
      modelDirectory: path + "/model", trainPath: path + "/train.jsonl", method: FullTuning())
    job.pooling = .mean
    job.settings.length = .steps(3)
    job.settings.batches = BatchPlan(size: .examples(6))
    let prepared = try job.prepare()
    var settings = InfluenceSettings()
    settings.candidates = AdapterCandidates(ranks: [1], elements: [2, 7])
    settings.headSteps = 5
    settings.probe.path = .held(directionBatches: 3)
    settings.probe.probeCount = 3
    settings.probe.interactions = true
    let measured = try #require(try prepared.measureInfluence(settings))
    try measured.write(to: path + "/influence.json")
    let influence = try Influence.read(path + "/influence.json")
    #expect(influence.groups == measured.groups)
    let (few, many) = (
      Self.positions(influence.groups, count: 2), Self.positions(influence.groups, count: 7)
    )
    #expect(few.count == prepared.model.backboneLinearLayers.count && many.count == few.count)
    for (weight, positions) in few {
      #expect(positions.count == 2 && Set(positions).isSubset(of: many[weight] ?? []))
    }
    let head = prepared.model.taskParameters.reduce(0) { $0 + $1.count }
    let plan = try Planner(influence).anchoredPlan(budget: head + 2 * few.count, seed: 1)
    try plan.write(to: path + "/plan.json")
    let read = try Plan.read(path + "/plan.json")
    #expect(read.method.members == plan.method.members && read.method.gradientBatches == 0)
    job.carryOut(read)
    let chosen = try job.prepare()
    #expect(try chosen.choose() == nil)
    let trained = chosen.model.backboneLinearLayers.map(\.weight).filter(\.isTrainable)
    #expect(!trained.isEmpty)
    for weight in trained {
      let positions = try #require(weight.trains.chosenElements)
      #expect(positions == few[weight.name] || positions == many[weight.name])
    }
  }
}
