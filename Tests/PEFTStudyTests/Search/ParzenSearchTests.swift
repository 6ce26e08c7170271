import Foundation
import PEFTStudy
import PEFTTensor
import Testing

/// Compares the tree-structured Parzen estimator with SciPy's distributions; see the fixture's
/// `make_fixtures.py`.
@Suite("Tree-structured Parzen estimator")
struct ParzenSearchTests {
  private static func cases() throws -> [JSONValue] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/search/parzen.json").path
    return try #require(JSONValue(contentsOf: path)["cases"]?.array)
  }

  private static func range(_ json: JSONValue) -> SearchRange {
    let (low, high) = (json["low"]?.double ?? .nan, json["high"]?.double ?? .nan)
    return switch json["kind"]?.string {
    case "choices": .choices((json["texts"]?.array ?? []).compactMap(\.string))
    case "uniform": .uniform(low...high)
    case "log-uniform": .logUniform(low...high)
    case "integer": .integer(Int(low)...Int(high))
    default: .logInteger(Int(low)...Int(high))
    }
  }

  private static func points(_ json: JSONValue?) -> [[String]] {
    (json?.array ?? []).map { ($0.array ?? []).compactMap(\.string) }
  }

  @Test("proposes the points of the independent script, from its densities")
  func golden() throws {
    let cases = try Self.cases()
    #expect(cases.count == 9)
    for (index, item) in cases.enumerated() {
      let space = SearchSpace(
        (item["ranges"]?.array ?? []).enumerated().map {
          SearchSpace.Dimension(name: "\($0.offset)", range: Self.range($0.element))
        })
      let ranked = Self.points(item["ranked"])
      var uniforms = (item["uniforms"]?.array ?? []).compactMap(\.double)[...]
      #expect(uniforms.count == ParzenSearch.candidates * space.dimensions.count)
      let next = try #require(
        ParzenSearch.next(in: space, after: ranked) { uniforms.removeFirst() })
      let expected = (item["next"]?.array ?? []).compactMap(\.string)
      for (value, wanted) in zip(next, expected) {
        #expect(value == wanted || Double(value) == Double(wanted) && Double(value) != nil)
      }
      #expect(uniforms.isEmpty, "case \(index)")
      let good = max(1, Int((0.15 * Double(ranked.count)).rounded(.up)))
      for (key, trials) in [("good", ranked.prefix(good)), ("other", ranked.dropFirst(good))] {
        for (row, probe) in Self.points(item["probes"]).enumerated() {
          for (column, value) in probe.enumerated() {
            let density = ParzenDensity(
              of: space.dimensions[column].range, values: trials.map { $0[column] })
            let wanted = try #require(item[key]?.array?[row].array?[column].double)
            // Relative to the density itself: 1e-9 of erfc and of differences of it.
            #expect(
              abs(density.logDensity(of: value) - wanted) < 1e-9, "case \(index) \(key) \(value)")
          }
        }
      }
    }
  }

  @Test("densities have the mass 1")
  func mass() {
    let ranges: [SearchRange] = [
      .uniform(-2...3), .logUniform(1e-5...1e-2), .integer(3...9), .logInteger(1...16),
      .choices(["a", "b", "c"]),
    ]
    for range in ranges {
      let values = [0.1, 0.15, 0.9, 0.9].map { range.value(at: $0) }
      let density = ParzenDensity(of: range, values: values)
      if let axis = range.axis {
        #expect(abs(density.cumulative(axis.lowerBound)) < 1e-12)
        #expect(abs(density.cumulative(axis.upperBound) - 1) < 1e-12)
      }
      guard let count = range.count else { continue }
      let all = Set((0..<1000).map { range.value(at: Double($0) / 1000) })
      #expect(all.count == count)
      let sum = all.reduce(0) { $0 + exp(density.logDensity(of: $1)) }
      #expect(abs(sum - 1) < 1e-12, "\(range)")
    }
  }

  @Test("moves towards what did well, and passes over points that were tried")
  func direction() throws {
    let space = SearchSpace([
      SearchSpace.Dimension(name: "rate", range: .logUniform(1e-5...1e-1)),
      SearchSpace.Dimension(name: "kind", range: .choices(["a", "b", "c", "d"])),
    ])
    var search = HyperparameterSearch(
      space: space, strategy: .parzen(randomTrials: 10), trialCount: 60, seed: 3)
    /// Best at a rate of 1e-3 and "c".
    func score(_ point: [String]) -> Double {
      abs(log10(Double(point[0]) ?? 1) + 3) + (point[1] == "c" ? 0 : 1)
    }
    var tried: [[String]] = []
    while let next = search.next(after: tried, ranked: tried.sorted { score($0) < score($1) }) {
      tried.append(next)
    }
    #expect(tried.count == 60 && Set(tried).count == 60)
    func mean(_ points: ArraySlice<[String]>) -> Double {
      points.reduce(0.0) { $0 + score($1) } / Double(points.count)
    }
    let (early, late) = (mean(tried.prefix(10)), mean(tried.suffix(30)))
    #expect(late < early / 2, "\(early) \(late)")
    search.strategy = .random
    var random: [[String]] = []
    while let next = search.next(after: random, ranked: []) { random.append(next) }
    #expect(Array(random.prefix(10)) == Array(tried.prefix(10)))
  }
}
