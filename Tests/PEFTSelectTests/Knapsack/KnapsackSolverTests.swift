import Foundation
import PEFTSelect
import PEFTTensor
import Testing

/// One problem, many solvers, one validator.
@Suite("Knapsack solvers")
struct KnapsackSolverTests {
  private static let exact: [KnapsackSolver] = [
    .automatic, .frontier, .paretoList, .core, .meetInTheMiddle,
  ]

  @Test("all agree with brute force on 10,000 small instances with exclusions")
  func agreeWithBruteForce() {
    var generator = SeededGenerator(seed: 1, purpose: "small instances")
    for number in 0..<10_000 {
      let instance = KnapsackGenerator.small(count: 12, using: &generator)
      let validator = OutcomeValidator(instance: instance)
      let expected = instance.solve(using: .bruteForce)
      #expect(validator.fault(in: expected) == nil, "\(number): brute force")
      for solver in Self.exact {
        let outcome = instance.solve(using: solver)
        #expect(validator.fault(in: outcome) == nil, "\(number): \(solver)")
        #expect(outcome.isProvenOptimal, "\(number): \(solver)")
        #expect(
          outcome.value == expected.value && outcome.weight == expected.weight,
          "\(number): \(solver) \(outcome.value) at \(outcome.weight)")
      }
      let greedy = instance.solve(using: .greedy)
      #expect(validator.fault(in: greedy) == nil, "\(number): greedy")
      #expect(greedy.value <= expected.value && expected.value <= greedy.upperBound)
      if greedy.isProvenOptimal { #expect(greedy.value == expected.value) }
    }
  }

  @Test("all agree on Pisinger's classes", arguments: KnapsackGenerator.Family.allCases)
  func agreeOnClasses(_ family: KnapsackGenerator.Family) throws {
    var generator = SeededGenerator(seed: 2, purpose: family.rawValue)
    for count in [1, 2, 10, 60, 300] {
      let instance = try KnapsackGenerator.instance(family, count: count, using: &generator)
      let validator = OutcomeValidator(instance: instance)
      let expected = instance.solve(using: .core)
      #expect(expected.isProvenOptimal && validator.fault(in: expected) == nil)
      for solver in [KnapsackSolver.automatic, .paretoList, .frontier] {
        let outcome = instance.solve(using: solver)
        #expect(validator.fault(in: outcome) == nil, "\(solver) of \(count)")
        if outcome.isProvenOptimal {
          #expect(
            outcome.value == expected.value && outcome.weight == expected.weight,
            "\(solver) of \(count): \(outcome.value), not \(expected.value)")
        }
      }
      #expect(instance.solve().isProvenOptimal)
    }
  }

  @Test("neither order nor scaling changes an answer")
  func invariance() throws {
    var generator = SeededGenerator(seed: 3, purpose: "invariance")
    for _ in 0..<500 {
      let instance = KnapsackGenerator.small(count: 14, using: &generator)
      let outcome = instance.solve()
      let order = generator.permutation(instance.items.count)
      let shuffled = try KnapsackInstance(
        items: order.map { instance.items[$0] }, capacity: instance.capacity
      ).solve()
      #expect(shuffled.value == outcome.value && shuffled.weight == outcome.weight)
      #expect(
        shuffled.selection.map { Self.look(instance.items[order[$0]]) }.sorted()
          == outcome.selection.map { Self.look(instance.items[$0]) }.sorted())
      let scaled = try KnapsackInstance(
        items: instance.items.map {
          KnapsackItem(
            weight: $0.weight * 7, value: $0.value * 0x1p-300, exclusionClass: $0.exclusionClass,
            choice: $0.choice)
        }, capacity: instance.capacity * 7 + 3
      ).solve()
      #expect(scaled.selection == outcome.selection)
    }
  }

  /// The visible properties of an item.
  private static func look(_ item: KnapsackItem) -> String { "\(item.weight) \(item.value)" }

  @Test("the frontier has the best value of every capacity, and its selections")
  func frontier() throws {
    var generator = SeededGenerator(seed: 4, purpose: "frontiers")
    for _ in 0..<300 {
      let instance = KnapsackGenerator.small(count: 10, using: &generator)
      let frontier = try #require(instance.frontier())
      for (index, point) in frontier.points.enumerated() {
        let selection = frontier.selection(at: index)
        #expect(selection.reduce(0) { $0 + instance.items[$1].weight } == point.weight)
        let best = try KnapsackInstance(items: instance.items, capacity: point.weight)
          .solve(using: .bruteForce)
        #expect(best.value == point.value && best.weight == point.weight)
      }
      for (before, after) in zip(frontier.points, frontier.points.dropFirst()) {
        #expect(before.weight < after.weight && before.value < after.value)
      }
      let total = instance.items.reduce(0) { $0 + $1.weight }
      let all = try KnapsackInstance(items: instance.items, capacity: total).solve()
      #expect(frontier.points.last?.value == all.value)
    }
  }

  @Test("values of very different size are added exactly")
  func exactSums() throws {
    // In Double, the three small values vanish beside the large one: 2⁶⁰ + 3 · 1 = 2⁶⁰.
    let values = [0x1p60, 1, 1, 1]
    let items = values.map { KnapsackItem(weight: 1, value: $0) }
    let outcome = try KnapsackInstance(items: items, capacity: 4).solve()
    #expect(outcome.selection == [0, 1, 2, 3])
    let tie = try KnapsackInstance(
      items: [
        KnapsackItem(weight: 2, value: 0x1p60 + 512), KnapsackItem(weight: 1, value: 0x1p60),
        KnapsackItem(weight: 1, value: 300),
      ], capacity: 2
    ).solve()
    #expect(tie.selection == [0])
  }

  @Test("beside a huge value, small ones are still weighed exactly")
  func tinyPrices() throws {
    func instance(_ rest: [(weight: Int64, value: Double)]) throws -> KnapsackInstance {
      try KnapsackInstance(
        items: ([(1, 0x1p98)] + rest).map { KnapsackItem(weight: $0.weight, value: $0.value) },
        capacity: 101)
    }
    let better = try instance([(60, 50), (50, 41), (50, 41)])
    #expect(better.solve(using: .greedy).isProvenOptimal == false)
    #expect(better.solve().selection == [0, 2, 3])
    // The second and the last have the same value at weight 101.
    let lighter = try instance([(10, 9), (49, 42), (49, 42), (90, 75)])
    for solver in [KnapsackSolver.automatic, .core, .bruteForce] {
      let outcome = lighter.solve(using: solver)
      #expect(outcome.selection == [0, 2, 3] && outcome.isProvenOptimal, "\(solver)")
    }
  }

  @Test("too many selections to enumerate are left to the greedy solver")
  func manySelections() throws {
    let items = (0..<160).map { index in
      KnapsackItem(
        weight: Int64(index % 8 + 1), value: Double(index % 8 * 2 + 1), exclusionClass: index / 8)
    }
    let instance = try KnapsackInstance(items: items, capacity: 40)
    let greedy = instance.solve(using: .greedy)
    for solver in [KnapsackSolver.bruteForce, .meetInTheMiddle] {
      #expect(instance.solve(using: solver).selection == greedy.selection)
    }
  }

  @Test("values whose sum exceeds Double are refused")
  func infiniteSum() {
    #expect(throws: KnapsackError.self) {
      try KnapsackInstance(
        items: [1e308, 1e308].map { KnapsackItem(weight: 1, value: $0) }, capacity: 1)
    }
  }

  @Test("limits give the best solution so far, its bound and no proof")
  func limits() throws {
    var generator = SeededGenerator(seed: 5, purpose: "limits")
    let instance = try KnapsackGenerator.instance(
      .stronglyCorrelated, count: 2000, using: &generator)
    var limits = KnapsackLimits()
    limits.states = 10
    let stopped = instance.solve(using: .core, limits: limits)
    let best = instance.solve()
    #expect(!stopped.isProvenOptimal && best.isProvenOptimal)
    #expect(OutcomeValidator(instance: instance).fault(in: stopped) == nil)
    #expect(stopped.value <= best.value && best.value <= stopped.upperBound)
    limits = KnapsackLimits()
    limits.seconds = 0
    for solver in [KnapsackSolver.core, .paretoList] {
      let outcome = instance.solve(using: solver, limits: limits)
      #expect(OutcomeValidator(instance: instance).fault(in: outcome) == nil)
      #expect(best.value <= outcome.upperBound)
    }
  }

  @Test("invalid instances are refused, with the item")
  func refusals() {
    func error(_ items: [KnapsackItem], _ capacity: Int64 = 5) -> String {
      do {
        _ = try KnapsackInstance(items: items, capacity: capacity)
        return ""
      } catch { return error.description }
    }
    let good = KnapsackItem(weight: 1, value: 1)
    #expect(error([good, KnapsackItem(weight: 0, value: 1)]).contains("item 1"))
    #expect(error([good, KnapsackItem(weight: 1, value: .nan)]).contains("item 1"))
    #expect(error([KnapsackItem(weight: 1, value: -1)]).contains("item 0"))
    #expect(error([KnapsackItem(weight: 1, value: .infinity)]).contains("item 0"))
    #expect(error([KnapsackItem(weight: .max, value: 1), good]).contains("64 bits"))
    #expect(error([KnapsackItem(weight: 6, value: 1, choice: .forcedIn)]).contains("forced"))
    let twice = KnapsackItem(weight: 1, value: 1, exclusionClass: 3, choice: .forcedIn)
    #expect(error([twice, twice]).contains("class 3"))
    #expect(error([good], -1).contains("capacity"))
  }
}
