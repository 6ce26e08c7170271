import Foundation
import PEFTStudy
import Testing

@Suite("Ranges and rungs of searches")
struct SearchRangeTests {
  @Test("values lie in their range, are as likely as said, and are short")
  func values() throws {
    let count = 4000
    func sample(_ range: SearchRange) -> [String] {
      (0..<count).map { range.value(at: (Double($0) + 0.5) / Double(count)) }
    }
    let uniform = sample(.uniform(0.02...0.1)).compactMap(Double.init)
    #expect(uniform.allSatisfy { (0.02...0.1).contains($0) })
    #expect(abs(uniform.reduce(0, +) / Double(count) - 0.06) < 1e-4)
    let rates = sample(.logUniform(1e-5...1e-2))
    #expect(rates.allSatisfy { (1e-5...1e-2).contains(Double($0) ?? 0) })
    let logs = rates.map { log10(Double($0) ?? 1) }
    #expect(abs(logs.reduce(0, +) / Double(count) + 3.5) < 1e-3)
    #expect(rates.allSatisfy { $0.count <= 9 }, "\(rates.max { $0.count < $1.count } ?? "")")
    let whole = Dictionary(grouping: sample(.integer(-1...2))) { $0 }.mapValues(\.count)
    #expect(whole == ["-1": 1000, "0": 1000, "1": 1000, "2": 1000])
    let ranks = sample(.logInteger(1...64)).compactMap(Int.init)
    #expect(Set(ranks) == Set(1...64))
    // As many up to 6 as the logarithm of 6.5 is between those of 0.5 and 64.5.
    let share = Double(ranks.count { $0 <= 6 }) / Double(count)
    #expect(abs(share - log(13) / log(129)) < 1e-3)
    #expect(sample(.choices(["x", "y"])).filter { $0 == "x" }.count == count / 2)
    #expect(SearchRange.uniform(1000.25...1000.5).value(at: 0.5) == "1000.375")
  }

  @Test(
    "rungs divide trials and multiply steps by the reduction, from the grace on",
    arguments: [
      (27, 3, 0.01, [27, 9, 3, 1]), (27, 3, 0.1, [27, 9, 3]), (20, 3, 0.1, [20, 6, 2]),
      (2, 3, 0.1, [2]), (1, 2, 0.1, [1]), (8, 2, 0.125, [8, 4, 2, 1]), (9, 3, 0.5, [9]),
    ])
  func rungs(trials: Int, reduction: Int, grace: Double, counts: [Int]) {
    let schedule = HalvingSchedule(trials: trials, reduction: reduction, grace: grace)
    #expect(schedule.rungs.map(\.trials) == counts)
    #expect(schedule.rungs.last?.steps(of: 320) == 320)
    for (rung, next) in zip(schedule.rungs, schedule.rungs.dropFirst()) {
      #expect(abs(rung.share * Double(reduction) - next.share) < 1e-12)
      #expect(rung.share >= grace * (1 - 1e-9))
    }
    #expect(schedule.rungs.allSatisfy { $0.steps(of: 1) == 1 })
  }

  @Test("the same seed gives the same trials, another seed others, and never more than told")
  func seeds() {
    let space = SearchSpace([
      .init(name: "rate", range: .logUniform(1e-5...1e-2)),
      .init(name: "rank", range: .choices(["1", "2", "4"])),
    ])
    func trials(_ strategy: HyperparameterSearch.Strategy, _ count: Int, _ seed: UInt64)
      -> [[String]]
    {
      let search = HyperparameterSearch(
        space: space, strategy: strategy, trialCount: count, seed: seed)
      var tried: [[String]] = []
      while let next = search.next(after: tried, ranked: tried) { tried.append(next) }
      return tried
    }
    for strategy in [
      HyperparameterSearch.Strategy.random, .parzen(randomTrials: 4),
      .halving(reduction: 2, grace: 0.1),
    ] {
      let first = trials(strategy, 12, 1)
      #expect(first.count == 12)
      #expect(trials(strategy, 12, 1) == first && trials(strategy, 12, 2) != first)
      // More trials continue the same sequence.
      #expect(Array(trials(strategy, 20, 1).prefix(12)) == first)
    }
    let small = SearchSpace([.init(name: "rank", range: .choices(["1", "2", "4"]))])
    let search = HyperparameterSearch(
      space: small, strategy: .random, trialCount: 9, seed: 1)
    var tried: [[String]] = []
    while let next = search.next(after: tried, ranked: tried) { tried.append(next) }
    #expect(Set(tried.map { $0[0] }) == ["1", "2", "4"] && tried.count == 3)
  }
}
