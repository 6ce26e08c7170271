import Foundation
import PEFTSelect
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

/// Selections that no solver proves soon: values that follow the weights, which are large and have
/// no common divisor. Any file of influences may hold them.
@Suite("Hard selections")
struct HardSelectionTests {
  private let directory: String
  private let influence: Influence
  private let budget: Int

  init() throws {
    directory =
      FileManager.default.temporaryDirectory
      .appending(path: "peft-hard-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    var random = SeededRandom(5)
    let sizes = (0..<60).map { _ in Int.random(in: 500_000_000..<1_000_000_000, using: &random) }
    let values = sizes.map { Double($0 + 100_000_000) * 1e-12 }
    budget = sizes.reduce(0, +) * 3 / 10
    let groups = zip(sizes, values).enumerated().map { index, item in
      JSONValue.object([
        "name": .string("g\(index)"), "kind": .string("attention"), "parameters": .integer(item.0),
        "slope": .number((2 * item.1).squareRoot()), "slopeError": .number(0),
        "curvature": .number(1),
        "curvatureError": .number(0), "value": .number(item.1), "valueError": .number(0),
        "step": .number(1), "verdict": .string("certain"), "fixed": .bool(false),
        "predictors": .object([:]), "members": .array([.string("t\(index)")]),
      ])
    }
    let probes = (0..<3).map { probe in
      JSONValue.object([
        "examples": .integer(8),
        "slopes": .array(values.map { .number((2 * $0).squareRoot() * (1 + Double(probe) / 1e3)) }),
        "curvatures": .array(values.map { _ in .number(1) }),
        "accepted": .array(values.map { _ in .bool(true) }),
      ])
    }
    try JSONFile.write(
      .object([
        "format": .integer(2),
        "model": .object([
          "directory": .string("/model"), "files": .object([:]), "layers": .integer(1),
          "output": .object(["classes": .integer(2), "pooling": .string("mean")]),
          "parameters": .integer(sizes.reduce(0, +)),
        ]),
        "settings": .object([:]), "rule": .string("tensor"), "value": .string("newton"),
        "aggregation": .string("ratio-of-means"), "complete": .bool(true), "cost": .object([:]),
        "groups": .array(groups), "probes": .array(probes),
      ]), to: directory + "/influence.json")
    influence = try Influence.read(directory)
  }

  @Test("are planned, resampled and checked within seconds, and alike each time")
  func plans() throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var limits = KnapsackLimits()
    limits.seconds = 0.1
    var plans: [Plan] = []
    let planning = try threadTime {
      for _ in 0..<2 {
        plans.append(try Planner(influence).plan(budget: budget, limits: limits))
      }
    }
    #expect(planning < .seconds(30), "\(planning)")
    #expect(plans[0].stability?.resampleCount == 200)
    #expect(plans[0].stability?.frequencies.count == plans[1].stability?.frequencies.count)
    let checking = try threadTime { _ = try plans[0].check() }
    #expect(checking < .seconds(15), "\(checking)")
  }

  @Test("have a frontier within seconds")
  func frontier() throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var points: [(parameters: Int, value: Double)] = []
    let duration = try threadTime { points = try Planner(influence).frontier() }
    #expect(duration < .seconds(40), "\(duration)")
    #expect(points.count > 50)
    #expect(zip(points, points.dropFirst()).allSatisfy { $0.parameters < $1.parameters })
  }
}
