import PEFTNetwork
import PEFTTensor

/// SPEFT (Liu et al. 2024, arXiv 2412.13488): trains the k elements of every target weight with the
/// largest |Σ_b g_b|, the sum of the weight's gradients over some batches.
///
/// The elements are chosen once, before the first step (the paper's static masks), and k is the
/// same for every weight (its local masks). The gradients are those of a model whose head has been
/// trained a little, because a new head gives them random directions. Ties go to the earlier
/// element, and an element whose gradient is zero is never chosen. Until they are chosen, the first
/// k elements of each weight take the place of the elements to come.
public struct SparseTuning: AdaptationMethod {
  /// The rule by which elements are chosen.
  public enum Rule: String, Sendable {
    /// Those with the largest summed gradients.
    case gradient
    /// Uniformly at random, as a control.
    case random
  }

  /// `speft`.
  public static let name = "speft"

  /// What is trained.
  public static let summary = "a few elements of every linear weight, chosen by their gradients"

  /// k, the number of elements of every target.
  public var entries = 64
  /// The rule by which they are chosen.
  public var rule = Rule.gradient
  /// The number of batches whose gradients are summed.
  public var batches = 16
  /// The last components of the paths of the linear layers with elements to train, such as `query`;
  /// all layers of the backbone if empty.
  public var targets: [String] = []

  /// Entries, by, batches and targets.
  public static let fields: [MethodField<SparseTuning>] = [
    .integer("entries", \.entries, in: 1...1 << 24, help: "elements of every weight, from 1"),
    .word("by", \.rule, help: "gradient or random"),
    .integer(
      "batches", \.batches, in: 1...1 << 16, help: "batches whose gradients are summed, from 1"),
    .names("targets", \.targets, help: "linear layers, such as query,value; all if empty"),
  ]

  /// Creates the method with 64 elements of every linear weight of the backbone.
  public init() {}

  /// Creates the method with `entries` elements of every target.
  public init(
    entries: Int, rule: Rule = .gradient, batches: Int = 16, targets: [String] = []
  ) {
    precondition(entries > 0 && batches > 0, "SparseTuning: \(entries) entries, \(batches) batches")
    (self.entries, self.rule, self.batches, self.targets) = (entries, rule, batches, targets)
  }

  /// The name and k, and the rule if it is not the usual one.
  public var label: String {
    (rule == .gradient ? name : "\(name) \(rule.rawValue)") + " k\(entries)"
  }

  /// The method with the largest k at which the elements and the head are within `budget`
  /// parameters, or with k = 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let weights = layers(of: model).map(\.weight)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let smallest = weights.map(\.count).min() ?? 1
    var sized = self
    sized.entries = min(smallest, max(1, (budget - head) / max(1, weights.count)))
    return sized
  }

  /// The first target that does not name a linear layer of `model`, or more entries than a weight
  /// has.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    return layers(of: model).map(\.weight).first { $0.count < entries }.map {
      MethodMisfit(setting: "entries", "\($0.name) has only \($0.count) of the \(entries) elements")
    }
  }

  /// The layers with elements to train.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  /// Freezes everything but the head and k elements of every target, which remain to be chosen.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
    for weight in layers(of: model).map(\.weight) {
      weight.trainElementsToCome(entries)
    }
  }

  /// `batches`, or 0 for random elements.
  public var gradientBatches: Int { rule == .gradient ? batches : 0 }

  /// Chooses the elements of every target.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    for weight in layers(of: model).map(\.weight) {
      let positions =
        switch rule {
        case .gradient: weight.largestPositions(entries, of: gradients)
        case .random: Self.randomPositions(entries, of: weight, using: generator)
        }
      weight.trainElements(positions)
    }
  }

  /// `count` distinct positions, ascending; all sets are equally likely (Floyd's sampling).
  private static func randomPositions(
    _ count: Int, of weight: Parameter, using generator: SeededGenerator
  ) -> [Int] {
    var draws = generator.split(weight.name + ".elements")
    var chosen: Set<Int> = []
    for last in weight.count - count..<weight.count {
      let position = Int(draws.uniform() * Double(last + 1))
      chosen.insert(chosen.contains(position) ? last : position)
    }
    return chosen.sorted()
  }
}

extension Parameter {
  /// Trains `count` elements that remain to be chosen by their gradients: for now, the first ones.
  func trainElementsToCome(_ count: Int) {
    trains = .elements(Array(0..<count))
    wantsWholeGradient = true
  }

  /// The positions of the `count` elements with the largest gradients, ascending; none if no
  /// gradient has reached this parameter.
  func largestPositions(_ count: Int, of gradients: GradientAccumulator) -> [Int] {
    gradients[self]?.largestPositions(count).sorted() ?? []
  }

  /// Trains the elements that were chosen.
  func trainElements(_ positions: [Int]) {
    wantsWholeGradient = false
    trains = positions.isEmpty ? .none : .elements(positions)
  }
}
