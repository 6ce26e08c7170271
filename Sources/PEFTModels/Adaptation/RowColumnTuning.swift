import PEFTNetwork
import PEFTTensor

/// RoCoFT (Kowsher et al. 2024, arXiv 2410.10075): trains some whole rows, or some whole columns,
/// of the target weights W [out, in].
///
/// A row is an output, a column an input. r rows of a weight are r · in elements, r columns r ·
/// out. Rows are cheaper to train than columns, because only their gradients are formed; for
/// columns the weight's whole gradient is.
///
/// The lines are chosen once, before the first step. The paper reports that the choice matters
/// little; the usual choice here is the first ones, which need no data.
public struct RowColumnTuning: AdaptationMethod {
  /// Rows or columns.
  public enum Lines: String, Sendable {
    /// Rows.
    case rows
    /// Columns.
    case columns
  }

  /// The rule by which the lines of a weight are chosen.
  public enum Rule: String, Sendable {
    /// The first ones.
    case first
    /// Uniformly at random.
    case random
    /// Those with the largest Euclidean norms in W.
    case weight
    /// Those with the largest Euclidean norms in Σ_b g_b, the sum of the weight's gradients over
    /// some batches, of a model whose head has been trained a little.
    case gradient
  }

  /// `rocoft`.
  public static let name = "rocoft"

  /// What is trained.
  public static let summary = "some rows or columns of every linear weight"

  /// Rows or columns.
  public var lines = Lines.rows
  /// r, the number of lines of every target.
  public var count = 3
  /// The rule by which they are chosen.
  public var rule = Rule.first
  /// The number of batches whose gradients are summed.
  public var batches = 16
  /// The last components of the paths of the linear layers with lines to train, such as `query`;
  /// all layers of the backbone if empty.
  public var targets: [String] = []

  /// Lines, count, by, batches and targets.
  public static let fields: [MethodField<RowColumnTuning>] = [
    .word("lines", \.lines, help: "rows or columns"),
    .integer("count", \.count, in: 1...1 << 20, help: "rows or columns of every weight, from 1"),
    .word("by", \.rule, help: "first, random, weight or gradient"),
    .integer(
      "batches", \.batches, in: 1...1 << 16, help: "batches whose gradients are summed, from 1"),
    .names("targets", \.targets, help: "linear layers, such as query,value; all if empty"),
  ]

  /// Creates the method with three rows of every linear weight of the backbone.
  public init() {}

  /// Creates the method with `count` rows or columns of every target.
  public init(
    _ lines: Lines, count: Int, rule: Rule = .first, batches: Int = 16, targets: [String] = []
  ) {
    precondition(count > 0 && batches > 0, "RowColumnTuning: \(count) lines, \(batches) batches")
    (self.lines, self.count, self.rule) = (lines, count, rule)
    (self.batches, self.targets) = (batches, targets)
  }

  /// The name, the lines and their number, and the rule if it is not the usual one.
  public var label: String {
    "\(name) \(rule == .first ? "" : rule.rawValue + " ")\(lines.rawValue) r\(count)"
  }

  /// The method with the largest number of lines at which they and the head are within `budget`
  /// parameters, or with one if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let weights = layers(of: model).map(\.weight)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let ofOne = weights.reduce(0) { $0 + $1.count / lineCount(of: $1) }
    var sized = self
    sized.count = min(
      weights.map(lineCount).min() ?? 1, max(1, (budget - head) / max(1, ofOne)))
    return sized
  }

  /// The first target that does not name a linear layer of `model`, or more lines than a weight
  /// has.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    return layers(of: model).map(\.weight).first { lineCount(of: $0) < count }.map {
      MethodMisfit(
        setting: "count",
        "\($0.name) has only \(lineCount(of: $0)) of the \(count) \(lines.rawValue)")
    }
  }

  /// The layers with lines to train.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  private func lineCount(of weight: Parameter) -> Int {
    lines == .rows ? weight.shape.rows : weight.shape.columns
  }

  /// The elements of the lines with these numbers, ascending.
  private func elements(_ numbers: [Int], of weight: Parameter) -> TrainableElements {
    guard lines == .columns else { return .rows(numbers) }
    let width = weight.shape.columns
    return .elements((0..<weight.shape.rows).flatMap { row in numbers.map { row * width + $0 } })
  }

  /// Freezes everything but the head and the first lines of every target, in whose place others may
  /// be chosen.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    model.train { _ in false }
    for weight in layers(of: model).map(\.weight) {
      weight.trains = elements(Array(0..<count), of: weight)
      weight.wantsWholeGradient = rule != .first
    }
  }

  /// `batches`, or 0 if no gradient is needed.
  public var gradientBatches: Int { rule == .gradient ? batches : 0 }

  /// Chooses the lines of every target. Ties go to the earlier line; a weight that no gradient has
  /// reached trains its first ones.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    for weight in layers(of: model).map(\.weight) {
      weight.wantsWholeGradient = false
      let norms: [Double]?
      switch rule {
      case .first: norms = nil
      case .random:
        var draws = generator.split(weight.name + ".lines")
        norms = (0..<lineCount(of: weight)).map { _ in draws.uniform() }
      case .weight: norms = weight.value.sumsOfSquares(by: lines.split)
      case .gradient: norms = gradients[weight]?.sumsOfSquares(by: lines.split)
      }
      guard let norms else { continue }
      let order = norms.indices.sorted { (norms[$1], $0) < (norms[$0], $1) }
      weight.trains = elements(order.prefix(count).sorted(), of: weight)
    }
  }
}

extension RowColumnTuning.Lines {
  /// The parts of a matrix whose sums belong to these lines.
  fileprivate var split: ElementSplit { self == .rows ? .rows : .columns }
}
