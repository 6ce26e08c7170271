import PEFTSelect
import PEFTTensor

/// Instances for tests: small ones with all features, and large ones of Pisinger's classes.
enum KnapsackGenerator {
  /// Up to `count` items with small integer values, many ties, exclusion classes and forced items.
  static func small(
    count: Int, using generator: inout SeededGenerator
  ) -> KnapsackInstance {
    func draw(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + Int(generator.uniform() * Double(range.count))
    }
    while true {
      let scale = draw(1...3)
      let classes = draw(0...3)
      let items = (0..<draw(1...count)).map { _ in
        KnapsackItem(
          weight: Int64(scale * draw(1...12)),
          value: draw(0...9) == 0 ? 0 : Double(draw(1...15)) / 4,
          exclusionClass: classes > 0 && draw(0...2) > 0 ? draw(1...classes) : nil,
          choice: draw(0...14) == 0 ? .forcedIn : draw(0...14) == 0 ? .forcedOut : .free)
      }
      let total = items.reduce(0) { $0 + $1.weight }
      if let instance = try? KnapsackInstance(
        items: items, capacity: Int64(generator.uniform() * Double(total + 2)))
      {
        return instance
      }
    }
  }

  /// Pisinger's classes ("Where are the hard knapsack problems?", 2005).
  enum Family: String, CaseIterable, Sendable {
    case uncorrelated, weaklyCorrelated, stronglyCorrelated, inverseStronglyCorrelated
    case almostStronglyCorrelated, subsetSum, similarWeights, profitCeiling, circle
  }

  static func instance(
    _ family: Family, count: Int, range: Int = 1000, using generator: inout SeededGenerator
  ) throws -> KnapsackInstance {
    func draw(_ range: ClosedRange<Int>) -> Int {
      range.lowerBound + Int(generator.uniform() * Double(range.count))
    }
    let items = (0..<count).map { _ in
      var weight = draw(1...range)
      let value: Double
      switch family {
      case .uncorrelated: value = Double(draw(1...range))
      case .weaklyCorrelated:
        value = Double(max(1, draw(weight - range / 10...weight + range / 10)))
      case .stronglyCorrelated: value = Double(weight + range / 10)
      case .inverseStronglyCorrelated:
        value = Double(weight)
        weight += range / 10
      case .almostStronglyCorrelated:
        value = Double(weight + range / 10 + draw(-range / 500...range / 500))
      case .subsetSum: value = Double(weight)
      case .similarWeights:
        weight = 100_000 + draw(0...100)
        value = Double(draw(1...range))
      case .profitCeiling: value = Double(3 * ((weight + 2) / 3))
      case .circle:
        let (x, r) = (Double(weight), Double(range))
        value = (4 * r * r - (x - 2 * r) * (x - 2 * r)).squareRoot() * 2 / 3
      }
      return KnapsackItem(weight: Int64(weight), value: value)
    }
    let total = items.reduce(0) { $0 + $1.weight }
    return try KnapsackInstance(items: items, capacity: total * Int64(draw(20...80)) / 100)
  }
}

/// Checks an outcome by counting only.
struct OutcomeValidator {
  let instance: KnapsackInstance

  /// The fault in an outcome; nil if there is none.
  func fault(in outcome: KnapsackOutcome) -> String? {
    let items = instance.items
    guard outcome.selection == Array(Set(outcome.selection)).sorted(),
      outcome.selection.allSatisfy(items.indices.contains)
    else { return "the selection is not ascending or leaves the items" }
    let weight = outcome.selection.reduce(0) { $0 + items[$1].weight }
    let value = outcome.selection.reduce(0) { $0 + items[$1].value }
    if weight != outcome.weight { return "it weighs \(weight), not \(outcome.weight)" }
    if weight > instance.capacity { return "it weighs \(weight) of \(instance.capacity)" }
    if abs(value - outcome.value) > 1e-12 * value { return "it is worth \(value)" }
    if outcome.value > outcome.upperBound { return "its bound \(outcome.upperBound) is below it" }
    let chosen = Set(outcome.selection)
    for (index, item) in items.enumerated() {
      if item.choice == .forcedIn, !chosen.contains(index) { return "\(index) is forced in" }
      if item.choice == .forcedOut, chosen.contains(index) { return "\(index) is forced out" }
    }
    let classes = outcome.selection.compactMap { items[$0].exclusionClass }
    return Set(classes).count == classes.count ? nil : "two items of a class"
  }
}
