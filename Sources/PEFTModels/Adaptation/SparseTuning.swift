import PEFTNetwork
import PEFTTensor

/// SPEFT (Liu et al. 2024, arXiv 2412.13488): trains some elements of the target weights, those
/// with the largest ``Salience``; |Σ_b g_b|, the sum of the weight's gradients over some batches,
/// is the usual one.
///
/// k elements of every weight train (`entries`), or a share of them. With the scope `matrix`, k is
/// the same for every weight (the paper's local masks); with `global`, the elements with the
/// largest saliences of all weights train, as many in total. The gradients are those of a model
/// whose head has been trained a little, because a new head gives them random directions. Ties go
/// to the earlier element, and an element whose gradient is zero is never chosen. Until they are
/// chosen, the first k elements of each weight take the place of the elements to come.
///
/// The elements are chosen once, before the first step (the paper's static masks), or again every I
/// steps (`reselect-every`; its dynamic masks), by gradients that are measured anew on other
/// batches with the values and the head of that time. An element that is no longer chosen keeps
/// what it has learned, which is then part of the base, and loses its moments; files record it. One
/// that is chosen again starts with moments of zero, and t of AdamW's bias correction is the number
/// of its own steps. One that remains chosen keeps its moments, while the paper's code resets all
/// of them. More elements than k of every weight then change during a run, and `run.json` counts
/// them.
public struct SparseTuning: AdaptationMethod {
  /// The weights whose elements compete.
  public enum Scope: String, Sendable {
    /// Those of each weight among themselves.
    case matrix
    /// Those of all targets.
    case global
  }

  /// `speft`.
  public static let name = "speft"

  /// What is trained.
  public static let summary = "a few elements of every linear weight, chosen by a salience"

  /// k, the number of elements of every target, or with the scope `global` their average.
  public var entries = 64
  /// The fraction of the elements of every target, or of all of them, that trains; 0 for `entries`.
  public var share = 0.0
  /// The salience by which they are chosen.
  public var rule = Salience.gradient
  /// The weights whose elements compete.
  public var scope = Scope.matrix
  /// The number of batches whose gradients are measured.
  public var batches = 16
  /// I, the number of steps after which elements are chosen again; 0 for never.
  public var interval = 0
  /// The last components of the paths of the linear layers with elements to train, such as `query`;
  /// all layers of the backbone if empty.
  public var targets: [String] = []

  /// Entries, share, by, scope, batches, reselect-every and targets.
  public static let fields: [MethodField<SparseTuning>] = [
    .integer("entries", \.entries, in: 1...1 << 24, help: "elements of every weight, from 1"),
    .number("share", \.share, help: "the part of the elements, up to 1; 0 for entries") {
      $0 >= 0 && $0 <= 1
    }.optional,
    .word(
      "by", \.rule, help: Salience.allCases.map(\.rawValue).formattedAsChoice),
    .word("scope", \.scope, help: "matrix or global").optional,
    .integer(
      "batches", \.batches, in: 1...1 << 16, help: "batches whose gradients are measured, from 1"),
    .integer(
      "reselect-every", \.interval, in: 0...1 << 32,
      help: "steps after which elements are chosen again; 0 for never"
    ).optional,
    .names("targets", \.targets, help: "linear layers, such as query,value; all if empty"),
  ]

  /// Creates the method with 64 elements of every linear weight of the backbone.
  public init() {}

  /// Creates the method with `entries` elements of every target.
  public init(
    entries: Int, rule: Salience = .gradient, scope: Scope = .matrix, batches: Int = 16,
    interval: Int = 0, targets: [String] = []
  ) {
    precondition(entries > 0 && batches > 0, "SparseTuning: \(entries) entries, \(batches) batches")
    (self.entries, self.rule, self.scope) = (entries, rule, scope)
    (self.batches, self.interval, self.targets) = (batches, interval, targets)
  }

  /// The masks of PaFi (Liao et al. 2023), FISH (Sung et al. 2021) and SpaRTA (Rios et al. 2025),
  /// over all linear weights and in the papers' usual sizes.
  public static let variants: [(name: String, method: SparseTuning)] = [
    ("pafi", SparseTuning(share: 0.005, rule: .smallest)),
    ("fish", SparseTuning(share: 0.005, rule: .fisher)),
    ("sparta", SparseTuning(share: 0.01, rule: .random)),
  ]

  /// A mask over all targets together.
  private init(share: Double, rule: Salience) {
    (self.share, self.rule, scope) = (share, rule, .global)
  }

  /// The name of the method or variant and k or the share, and the other settings that are not the
  /// usual ones.
  public var label: String {
    let variant = Self.variants.first { $0.method.rule == rule && scope == .global }
    return [
      variant?.name ?? name, rule == .gradient || variant != nil ? nil : rule.rawValue,
      scope == .matrix || variant != nil ? nil : scope.rawValue,
      share > 0 ? "share \(share)" : "k\(entries)", interval > 0 ? "every \(interval)" : nil,
    ].compactMap(\.self).joined(separator: " ")
  }

  /// The method with the largest k at which the elements and the head are within `budget`
  /// parameters, or with k = 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let weights = layers(of: model).map(\.weight)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let smallest = weights.map(\.count).min() ?? 1
    var sized = self
    sized.share = 0
    sized.entries = min(smallest, max(1, (budget - head) / max(1, weights.count)))
    return sized
  }

  /// The first target that does not name a linear layer of `model`, or more entries than a weight
  /// has.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    return layers(of: model).map(\.weight).first { $0.count < count(of: $0) }.map {
      MethodMisfit(setting: "entries", "\($0.name) has only \($0.count) of the \(entries) elements")
    }
  }

  /// The layers with elements to train.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  /// The number of elements of a weight, if weights do not compete.
  private func count(of weight: Parameter) -> Int {
    share > 0 ? max(1, Int((share * Double(weight.count)).rounded())) : entries
  }

  /// Freezes everything but the head and k elements of every target, which remain to be chosen.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
    for weight in layers(of: model).map(\.weight) {
      weight.trainElementsToCome(count(of: weight))
    }
  }

  /// `batches`, or 0 for saliences without gradients.
  public var gradientBatches: Int { rule.needsGradients ? batches : 0 }

  /// What the salience needs.
  public var gradientStatistic: GradientStatistic { rule.statistic }

  /// Chooses the elements of every target.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    let weights = layers(of: model).map(\.weight)
    let gradients = rule == .synflow ? model.synapticFlow() : gradients
    for (weight, chosen) in zip(weights, positions(in: weights, by: gradients, using: generator)) {
      weight.trainElements(chosen)
    }
  }

  /// The positions of the elements of each weight to train, ascending.
  private func positions(
    in weights: [Parameter], by gradients: GradientAccumulator, using generator: SeededGenerator
  ) -> [[Int]] {
    let counts = weights.map(count)
    switch (rule, scope) {
    case (.random, .matrix):
      return zip(weights, counts).map { weight, count in
        var draws = generator.split(weight.name + ".elements")
        return draws.distinctIntegers(count, below: weight.count)
      }
    case (.random, .global):
      var draws = generator.split("elements")
      let chosen = draws.distinctIntegers(
        counts.reduce(0, +), below: weights.reduce(0) { $0 + $1.count })
      var (first, start) = (0, 0)
      return weights.map { weight in
        let end = chosen[first...].firstIndex { $0 >= start + weight.count } ?? chosen.count
        defer { (first, start) = (end, start + weight.count) }
        return chosen[first..<end].map { $0 - start }
      }
    case (_, .matrix):
      return zip(weights, counts).map { weight, count in
        Tensor.highestPositions(count, of: [{ rule.scores(of: weight, by: gradients) }])[0]
      }
    case (_, .global):
      return Tensor.highestPositions(
        counts.reduce(0, +),
        of: weights.map { weight in { rule.scores(of: weight, by: gradients) } })
    }
  }

  /// The session that chooses again; nil if elements are chosen once.
  public func session(
    on model: TransformerModel, steps: Int, using generator: SeededGenerator,
    measuring measure: @escaping (Int) throws -> GradientAccumulator
  ) -> (any AdaptationSession)? {
    guard interval > 0, interval < steps else { return nil }
    return Session(
      method: self, candidates: layers(of: model).map(\.weight), generator: generator
    ) { step in
      if rule == .synflow { return model.synapticFlow() }
      return try rule.needsGradients ? measure(step) : GradientAccumulator()
    }
  }

  /// PEFT's SHiRA format.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "SHIRA" ? SparseFormat() : nil
  }

  private final class Session: AdaptationSession {
    let method: SparseTuning
    let candidates: [Parameter]
    let generator: SeededGenerator
    let measure: (Int) throws -> GradientAccumulator

    init(
      method: SparseTuning, candidates: [Parameter], generator: SeededGenerator,
      measure: @escaping (Int) throws -> GradientAccumulator
    ) {
      (self.method, self.candidates) = (method, candidates)
      (self.generator, self.measure) = (generator, measure)
    }

    let correctsByAge = true

    func prepare(step: Int) throws -> [ElementChange] {
      let isDue = step > 0 && step.isMultiple(of: method.interval)
      for weight in candidates { weight.wantsWholeGradient = isDue }
      guard isDue else { return [] }
      defer { for weight in candidates { weight.wantsWholeGradient = false } }
      let chosen = method.positions(
        in: candidates, by: try measure(step), using: generator.split("reselection").split(step))
      return zip(candidates, chosen).compactMap { weight, positions in
        guard positions != weight.trains.chosenElements ?? [] else { return nil }
        let before = weight.recorded
        weight.retrain(positions)
        return (weight, before)
      }
    }
  }
}

extension [String] {
  /// The words as a choice, such as "a, b or c".
  fileprivate var formattedAsChoice: String {
    guard let last, count > 1 else { return first ?? "" }
    return dropLast().joined(separator: ", ") + " or " + last
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
