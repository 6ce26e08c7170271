import PEFTSelect
import PEFTTensor
import TestSupport
import Testing

@Suite("Interacting selection")
struct InteractingSelectionTests {
  /// A random positive definite model of `count` groups, of rank `features` plus a diagonal, with
  /// weights and a budget.
  private struct Instance {
    let model: InteractionModel
    let slopes: [Double]
    let interactions: [Double]
    let weights: [Int64]
    let classes: [Int?]
    let capacity: Int64

    init(count: Int, features: Int, hasClasses: Bool, using generator: inout SeededGenerator) {
      let rows = (0..<count).map { _ in (0..<features).map { _ in generator.normal() } }
      slopes = (0..<count).map { _ in abs(generator.normal()) - 0.1 }
      interactions = (0..<count * count).map { position in
        let (i, j) = (position / count, position % count)
        let product = zip(rows[i], rows[j]).reduce(0) { $0 + $1.0 * $1.1 } / Double(features)
        return product + (i == j ? 0.05 : 0)
      }
      weights = (0..<count).map { _ in 1 + Int64(generator.uniform() * 9) }
      classes = (0..<count).map { hasClasses && $0 % 3 == 0 ? $0 / 6 : nil }
      capacity = weights.reduce(0, +) / 3
      model = InteractionModel(
        slopes: slopes, interactions: interactions, ridge: Array(repeating: 0, count: count))
    }

    func solve() -> InteractingSelection.Outcome {
      InteractingSelection(
        model, weights: weights, classes: classes, excluded: [], capacity: capacity
      ).solve()
    }

    /// The best value, by evaluating every subset.
    func best() -> Double {
      var best = 0.0
      for mask in 0..<(1 << slopes.count) {
        let subset = slopes.indices.filter { mask >> $0 & 1 == 1 && slopes[$0] > 0 }
        guard subset.count == mask.nonzeroBitCount,
          subset.reduce(0, { $0 + weights[$1] }) <= capacity
        else { continue }
        let kinds = subset.compactMap { classes[$0] }
        guard Set(kinds).count == kinds.count else { continue }
        best = max(best, model.value(of: subset))
      }
      return best
    }
  }

  @Test("many groups are improved within a limit on the work")
  func limit() {
    var generator = SeededGenerator(seed: 4, purpose: "interactions")
    let instance = Instance(count: 199, features: 40, hasClasses: false, using: &generator)
    var outcome: InteractingSelection.Outcome?
    let duration = threadTime { outcome = instance.solve() }
    #expect(duration < .seconds(40), "\(duration)")
    #expect(outcome?.isProven == false && (outcome?.value ?? 0) > 0)
  }

  @Test("enumeration agrees with brute force over all subsets", arguments: [false, true])
  func enumeration(hasClasses: Bool) {
    var generator = SeededGenerator(seed: 1, purpose: "interactions")
    for _ in 0..<30 {
      let instance = Instance(
        count: 9, features: 6, hasClasses: hasClasses, using: &generator)
      let outcome = instance.solve()
      let best = instance.best()
      #expect(outcome.isProven)
      #expect(abs(outcome.value - best) < 1e-9 * best, "\(outcome.value), not \(best)")
      #expect(outcome.weight <= instance.capacity)
    }
  }

  @Test("greedy with swaps comes close to the best, and never exceeds it")
  func greedy() {
    var generator = SeededGenerator(seed: 2, purpose: "interactions")
    var ratios: [Double] = []
    for _ in 0..<20 {
      let small = Instance(count: 12, features: 8, hasClasses: false, using: &generator)
      // Ten useless groups make it too large to enumerate and do not change the result.
      let count = 30
      let padded = InteractionModel(
        slopes: small.slopes + Array(repeating: 1e-9, count: count - 12),
        interactions: (0..<count * count).map {
          let (i, j) = ($0 / count, $0 % count)
          return i < 12 && j < 12 ? small.interactions[i * 12 + j] : i == j ? 1 : 0
        }, ridge: Array(repeating: 0, count: count))
      let outcome = InteractingSelection(
        padded, weights: small.weights + Array(repeating: 1, count: count - 12),
        classes: Array(repeating: nil, count: count), excluded: [], capacity: small.capacity
      ).solve()
      let best = small.solve().value
      #expect(!outcome.isProven && outcome.value <= best * (1 + 1e-6))
      ratios.append(outcome.value / best)
    }
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    #expect(mean > 0.98, "mean ratio \(mean)")
  }

  @Test(
    "all subsets of twenty groups are examined; beyond that, little is lost to the additive choice")
  func sizes() throws {
    var generator = SeededGenerator(seed: 5, purpose: "interactions")
    let twenty = Instance(count: 20, features: 15, hasClasses: false, using: &generator).solve()
    #expect(twenty.isProven && twenty.states > 10_000)
    for _ in 0..<5 {
      let instance = Instance(count: 40, features: 25, hasClasses: true, using: &generator)
      let outcome = instance.solve()
      #expect(!outcome.isProven && outcome.weight <= instance.capacity)
      let additive = try KnapsackInstance(
        items: instance.slopes.indices.map {
          KnapsackItem(
            weight: instance.weights[$0],
            value: instance.slopes[$0] > 0 ? instance.model.additiveValue(of: [$0]) : 0,
            exclusionClass: instance.classes[$0])
        }, capacity: instance.capacity
      ).solve()
      #expect(outcome.value >= instance.model.value(of: additive.selection))
    }
  }

  @Test("the order of the groups does not matter")
  func permutations() {
    var generator = SeededGenerator(seed: 6, purpose: "interactions")
    let count = 10
    for _ in 0..<20 {
      let instance = Instance(count: count, features: 7, hasClasses: false, using: &generator)
      let order = generator.permutation(count)
      var interactions: [Double] = []
      for row in order {
        for column in order { interactions.append(instance.interactions[row * count + column]) }
      }
      let shuffled = InteractingSelection(
        InteractionModel(
          slopes: order.map { instance.slopes[$0] }, interactions: interactions,
          ridge: Array(repeating: 0, count: count)),
        weights: order.map { instance.weights[$0] }, classes: Array(repeating: nil, count: count),
        excluded: [], capacity: instance.capacity
      ).solve()
      let mine = instance.solve()
      #expect(abs(shuffled.value - mine.value) < 1e-9 * mine.value)
      #expect(shuffled.selection.map { order[$0] }.sorted() == mine.selection)
    }
  }

  @Test("two groups with the same effect count once")
  func duplicates() {
    let model = InteractionModel(
      slopes: [1, 1], interactions: [2, 2, 2, 2], ridge: [1e-6, 1e-6])
    let alone = model.value(of: [0])
    #expect(abs(alone - 0.25) < 1e-6)
    #expect(abs(model.value(of: [0, 1]) - alone) < 1e-6)
    #expect(abs(model.additiveValue(of: [0, 1]) - 2 * alone) < 1e-6)
  }

  @Test("without interactions, it is the knapsack of the values")
  func diagonal() throws {
    var generator = SeededGenerator(seed: 3, purpose: "interactions")
    let slopes = (0..<12).map { _ in abs(generator.normal()) + 0.01 }
    let curvatures = (0..<12).map { _ in abs(generator.normal()) + 0.1 }
    let weights = (0..<12).map { _ in 1 + Int64(generator.uniform() * 9) }
    var interactions = [Double](repeating: 0, count: 144)
    for index in 0..<12 { interactions[13 * index] = curvatures[index] }
    let model = InteractionModel(
      slopes: slopes, interactions: interactions, ridge: Array(repeating: 0, count: 12))
    let outcome = InteractingSelection(
      model, weights: weights, classes: Array(repeating: nil, count: 12), excluded: [],
      capacity: 20
    ).solve()
    let expected = try KnapsackInstance(
      items: (0..<12).map {
        KnapsackItem(weight: weights[$0], value: model.additiveValue(of: [$0]))
      }, capacity: 20
    ).solve()
    #expect(outcome.selection == expected.selection)
    #expect(abs(outcome.value - expected.value) < 1e-12 * expected.value)
  }
}
