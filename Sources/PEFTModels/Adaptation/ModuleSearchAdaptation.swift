import PEFTNetwork
import PEFTTensor

/// BIPEFT (Chang et al. 2024, arXiv 2410.09079): searches for the low-rank deltas, biases and norms
/// to train within a budget, and for the ranks of the deltas, and then trains what it has found
/// from the start.
///
/// Every module m, a delta on a linear weight, a bias, or the vectors of a norm, has a gate with
/// logits α_m, and a delta has a dimension with logits β_m. A round draws both by the hard
/// Gumbel-softmax, whose temperature falls from 5 to 1, takes a step of the weights on a batch of
/// one half of the training data, and a step of the logits on a batch of the other half, by Adam:
/// of the gates in one round, of the dimensions in the next. The sensitivity of a module is
/// Σ |w ∂L/∂w| / n over its n parameters, and its score the running average of
///
///     I_train + cos(I_train, I_val) I_val
///
/// The selection of a round takes modules by descending score as long as they fit. Once it hardly
/// changes, which is when its cosine with each of the last five is at least 0.85, every round
/// removes modules with the lowest scores, of ⌈(E − B) / rounds left⌉ expected parameters, where E
/// is what all gates and dimensions expect and B the budget, and settles the dimensions whose
/// probabilities have moved least. In the end, what remains is taken by descending score within B =
/// share · |W|, where |W| is the number of parameters outside the task head, which trains as well
/// and is not counted.
///
/// The reference code has no licence, so this follows the formulas alone. Where they leave a
/// choice:
///
/// - A delta of dimension d is the first d rows and columns of one of the largest dimension, and w
///   is the change of a bias or norm, not its value.
/// - The average of a module is over the rounds in which its gate is on, and its score is that
///   times the probability of its gate. The cosine of sensitivities is over all modules.
/// - The instability of dimensions is their standard deviation over rounds, averaged over them,
///   times KL(first ‖ last).
/// - Every round may prune, so there are at most as many prunings as rounds.
/// - The paper adds biases to a model that has none; here those that exist train.
public struct ModuleSearchAdaptation: AdaptationMethod {
  /// `bipeft`.
  public static let name = "bipeft"

  /// What is trained.
  public static let summary = "the deltas, biases and norms that a search finds within a budget"

  /// B / |W|, the part of the parameters that trains at most.
  public var share = 0.001
  /// The ranks from which the search chooses, ascending. s is 2.
  public var dimensions = [1, 4, 8]
  /// The number of rounds, of two batches each.
  public var rounds = 100
  /// The learning rate of the weights while it searches.
  public var searchRate = 1e-3
  /// The last components of the paths of the linear layers that may get deltas; all if empty.
  public var targets: [String] = []

  /// Share, dimensions, rounds, search-rate and targets.
  public static let fields: [MethodField<ModuleSearchAdaptation>] = [
    .number("share", \.share, help: "the part of the parameters that trains at most, up to 1") {
      $0 > 0 && $0 <= 1
    },
    MethodField(
      name: "dimensions", help: "the ranks to choose from, ascending, such as 1,4,8",
      json: { .array($0.dimensions.map { .integer($0) }) },
      set: { method, value in
        let ranks = value.array?.compactMap(\.integer) ?? []
        guard !ranks.isEmpty, ranks.count == value.array?.count,
          ranks.allSatisfy((1...AdapterCandidates.rankLimit).contains),
          zip(ranks, ranks.dropFirst()).allSatisfy({ $0 < $1 })
        else { return false }
        method.dimensions = ranks
        return true
      },
      parse: { text in
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        let ranks = fields.compactMap { Int($0) }
        return ranks.count == fields.count ? .array(ranks.map { .integer($0) }) : nil
      }),
    .integer(
      "rounds", \.rounds, in: 1...1 << 16, help: "rounds of the search, of two batches each"),
    .number("search-rate", \.searchRate, help: "the learning rate of the search, above 0") {
      $0 > 0
    },
    .names(
      "targets", \.targets, help: "linear layers that may get deltas; all if empty"),
  ]

  /// Creates the method with at most one parameter in a thousand.
  public init() {}

  /// Creates the method.
  public init(share: Double, dimensions: [Int] = [1, 4, 8], rounds: Int = 100) {
    precondition(share > 0 && share <= 1 && rounds > 0, "ModuleSearchAdaptation: share \(share)")
    (self.share, self.dimensions, self.rounds) = (share, dimensions, rounds)
  }

  /// The name and the share.
  public var label: String { "\(name) share \(share)" }

  /// The method with the largest share at which what trains and the head are within `budget`.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let head = headCount(in: model)
    var sized = self
    sized.share = min(1, max(1, Double(budget - head)) / Double(model.parameterCount - head))
    return sized
  }

  /// The first target that does not name a linear layer of `model`, or a share in which no module
  /// fits.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    let deltas = layers(of: model).map { layer in
      (layer.name, dimensions[0] * (layer.weight.shape.rows + layer.weight.shape.columns))
    }
    let vectors = vectors(of: model).map { ($0.name, $0.vectors.reduce(0) { $0 + $1.count }) }
    guard let smallest = (deltas + vectors).min(by: { $0.1 < $1.1 }),
      smallest.1 > budget(in: model)
    else { return nil }
    return MethodMisfit(
      setting: "share",
      "\(budget(in: model)) parameters are fewer than the smallest module has: \(smallest.1) of "
        + smallest.0)
  }

  /// The layers whose weights may get deltas.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  /// The biases, and the norms with their vectors.
  private func vectors(
    of model: TransformerModel
  ) -> [(kind: SearchModule.Kind, name: String, vectors: [Parameter])] {
    var result: [(kind: SearchModule.Kind, name: String, vectors: [Parameter])] = []
    for entry in model.parameters {
      let name = entry.parameter.name
      switch entry.kind {
      case .bias: result.append((.bias, name, [entry.parameter]))
      case .norm:
        let path = name.split(separator: ".").dropLast().joined(separator: ".")
        if let last = result.indices.last, result[last].kind == .norm, result[last].name == path {
          result[last].vectors.append(entry.parameter)
        } else {
          result.append((.norm, path, [entry.parameter]))
        }
      default: break
      }
    }
    return result
  }

  /// B.
  private func budget(in model: TransformerModel) -> Int {
    let deltas = model.adapterParameters.reduce(0) { $0 + $1.count }
    let others = model.parameterCount - deltas - headCount(in: model)
    return max(1, Int(saturating: (share * Double(others)).rounded()))
  }

  private func headCount(in model: TransformerModel) -> Int {
    model.taskParameters.reduce(0) { $0 + $1.count }
  }

  /// The size of the head plus B.
  public func plannedCount(in model: TransformerModel) -> Int {
    budget(in: model) + headCount(in: model)
  }

  /// Freezes everything but the head, and adds a delta of the largest dimension to every target.
  /// The search trains them and all vectors, and decides what stays.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in layers(of: model) {
      layer.adapter = LowRankAdapter(
        for: layer, rank: dimensions.last ?? 1, scale: SelectedTuning.scale, hasOpenRank: true,
        using: generator)
    }
    let factors = model.adapterParameters
    model.train { factors.contains($0) }
    for vector in vectors(of: model).flatMap(\.vectors) { vector.trainElementsToCome(1) }
  }

  /// `rounds`.
  public var searchRounds: Int { rounds }

  /// The modules among which `search` chooses: those that fit within B, in the dimensions that do.
  package func modules(of model: TransformerModel) -> [SearchModule] {
    let budget = budget(in: model)
    let deltas = layers(of: model).compactMap { layer -> SearchModule? in
      let side = layer.weight.shape.rows + layer.weight.shape.columns
      let fitting = dimensions.filter { $0 * side <= budget }
      guard !fitting.isEmpty, let adapter = layer.adapter as? LowRankAdapter else { return nil }
      return SearchModule(layer.name, adapter, dimensions: fitting)
    }
    return deltas + vectors(of: model).map(SearchModule.init).filter { $0.sizes[0] <= budget }
  }

  /// Searches, and attaches what it has found as new.
  public func search(
    in model: TransformerModel, using generator: SeededGenerator,
    measuring measure: (Int) throws -> GradientAccumulator?, note: (String) -> Void
  ) throws -> Bool {
    let (budget, modules) = (budget(in: model), modules(of: model))
    note("searching among \(modules.count) modules for \(budget) parameters, in \(rounds) rounds")
    var search = ModuleSearch(
      modules, budget: budget, rounds: rounds, using: generator.split("search"))
    guard
      let found = try search.run(
        head: model.taskParameters, rate: searchRate, measuring: measure, note: note)
    else { return false }
    let kept = zip(modules, found).compactMap { module, index in index.map { (module, $0) } }
    note(Self.summary(of: kept))
    let ranks = Dictionary(
      uniqueKeysWithValues: kept.filter { $0.0.kind == .delta }.map { module, index in
        (module.name, module.dimensions[index])
      })
    for layer in layers(of: model) {
      layer.adapter = ranks[layer.name].map {
        LowRankAdapter(for: layer, rank: $0, scale: SelectedTuning.scale, using: generator)
      }
    }
    let names = Set(kept.filter { $0.0.kind != .delta }.map(\.0.name))
    for (_, name, vectors) in vectors(of: model) {
      for vector in vectors {
        vector.trainElements(names.contains(name) ? Array(0..<vector.count) : [])
      }
    }
    return true
  }

  /// What was found, in words.
  private static func summary(of kept: [(SearchModule, Int)]) -> String {
    var parts: [String] = []
    for kind in SearchModule.Kind.allCases where kind != .delta {
      parts.append("\(kind.rawValue) × \(kept.count { $0.0.kind == kind })")
    }
    let ranks = kept.filter { $0.0.kind == .delta }.map { $0.0.dimensions[$0.1] }
    for rank in Set(ranks).sorted().reversed() {
      parts.insert("delta of rank \(rank) × \(ranks.count { $0 == rank })", at: 0)
    }
    let size = kept.reduce(0) { $0 + $1.0.sizes[$1.1] }
    return "found \(parts.joined(separator: ", ")): \(size) parameters"
  }
}
