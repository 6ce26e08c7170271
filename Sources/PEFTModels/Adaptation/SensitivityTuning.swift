import PEFTNetwork
import PEFTTensor

/// SPT (He et al. 2023, arXiv 2303.08566): trains the elements with the largest sensitivities
/// Σ_b (∇L_b)² of all linear weights, biases and norms, and gives a weight with many of them a
/// low-rank delta in their place.
///
/// Of the τ elements with the largest sensitivities, let c be in one tensor. A weight with c ≥ R
/// (in + out) / α gets a LoRA of rank R, whose factors train in place of its elements. A bias, or
/// the scale or shift of a norm, with n elements and c ≥ n / β trains as a whole. All other tensors
/// train their c elements. τ is the largest number at which no more than B = share · |W| elements
/// train, where |W| is the number of parameters outside the task head; the paper sweeps τ for the
/// total nearest to B. Embeddings do not take part, and the head is not counted in B.
///
/// The authors' code selects single elements of biases and norms and does not train them; here they
/// train.
public struct SensitivityTuning: AdaptationMethod {
  /// `spt`.
  public static let name = "spt"

  /// What is trained.
  public static let summary = "sensitive elements, and deltas where a weight has many of them"

  /// B / |W|, the part of the parameters that trains at most.
  public var share = 0.005
  /// R, the rank of the deltas. s is 2.
  public var rank = 8
  /// α: a weight gets a delta from 1 / α of the delta's parameters on.
  public var promotion = 10.0
  /// β: a vector trains as a whole from 1 / β of its elements on.
  public var completion = 5.0
  /// The number of batches whose gradients are squared and summed.
  public var batches = 16
  /// The last components of the paths of the linear layers whose weights take part; all if empty.
  public var targets: [String] = []

  /// Share, rank, promote, complete, batches and targets.
  public static let fields: [MethodField<SensitivityTuning>] = [
    .number("share", \.share, help: "the part of the parameters that trains at most, up to 1") {
      $0 > 0 && $0 <= 1
    },
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit,
      help: "the rank of the deltas, from 1 to 1024"),
    .number(
      "promote", \.promotion, help: "parameters of a delta over the elements that call for it"
    ) { $0 > 0 },
    .number(
      "complete", \.completion, help: "elements of a vector over those that call for all of it"
    ) { $0 > 0 },
    .integer(
      "batches", \.batches, in: 1...1 << 16, help: "batches whose gradients are measured, from 1"),
    .names("targets", \.targets, help: "linear layers, such as query,value; all if empty"),
  ]

  /// Creates the method with at most five parameters in a thousand.
  public init() {}

  /// Creates the method.
  public init(share: Double, rank: Int = 8, batches: Int = 16, targets: [String] = []) {
    precondition(share > 0 && share <= 1 && rank > 0, "SensitivityTuning: share \(share)")
    (self.share, self.rank, self.batches, self.targets) = (share, rank, batches, targets)
  }

  /// The name, the share and the rank.
  public var label: String { "\(name) share \(share) r\(rank)" }

  /// The method with the largest share at which what trains and the head are within `budget`.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let others = Double(model.parameterCount - head)
    var sized = self
    sized.share = min(1, max(1, Double(budget - head)) / others)
    return sized
  }

  /// The first target that does not name a linear layer of `model`.
  public func misfit(in model: TransformerModel) -> MethodMisfit? { model.misfit(targets: targets) }

  /// The layers whose weights take part.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  /// The biases of linear layers, and the scales and shifts of norms.
  private func vectors(of model: TransformerModel) -> [Parameter] {
    model.parameters.filter { $0.kind == .bias || $0.kind == .norm }.map(\.parameter)
  }

  /// B.
  private func budget(in model: TransformerModel) -> Int {
    let others = model.parameterCount - adapterCount(in: model) - headCount(in: model)
    return max(1, Int(saturating: (share * Double(others)).rounded()))
  }

  private func headCount(in model: TransformerModel) -> Int {
    model.taskParameters.reduce(0) { $0 + $1.count }
  }

  /// The parameters of the deltas, which are not among |W|.
  private func adapterCount(in model: TransformerModel) -> Int {
    model.adapterParameters.reduce(0) { $0 + $1.count }
  }

  /// The size of the head plus B.
  public func plannedCount(in model: TransformerModel) -> Int {
    budget(in: model) + headCount(in: model)
  }

  /// Freezes everything but the head. Until it is chosen, one element stands for whatever a tensor
  /// may train, and every weight that takes part has a delta.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    for layer in layers(of: model) {
      layer.adapter = LowRankAdapter(
        for: layer, rank: rank, scale: SelectedTuning.scale, using: generator)
    }
    let factors = model.adapterParameters
    model.train { _ in false }
    for parameter in layers(of: model).map(\.weight) + vectors(of: model) {
      parameter.trainElementsToCome(1)
    }
    for factor in factors { factor.trains = .elements([0]) }
  }

  /// `batches`.
  public var gradientBatches: Int { batches }

  /// The sum of squares of the batches' gradients.
  public var gradientStatistic: GradientStatistic { .sumOfSquares }

  /// Chooses elements, vectors and deltas. Ties go to the earlier element, and an element whose
  /// gradients are zero is never chosen.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    let (layers, vectors) = (layers(of: model), vectors(of: model))
    let budget = budget(in: model)
    let tensors = layers.map(\.weight) + vectors
    let sizes =
      layers.map { layer in
        rank * (layer.weight.shape.rows + layer.weight.shape.columns)
      } + vectors.map(\.count)
    let limits =
      sizes.prefix(layers.count).map { Double($0) / promotion }
      + sizes.dropFirst(layers.count).map { Double($0) / completion }
    // A tensor that has been promoted takes no more of the budget, so that more elements than B may
    // be looked at.
    let ranked = Tensor.highestElements(
      Int(saturating: 4 * Double(budget)),
      of: tensors.map { tensor in
        { Salience.spt.scores(of: tensor, by: gradients) }
      })
    var (positions, total) = ([[Int]](repeating: [], count: tensors.count), 0)
    var isWhole = [Bool](repeating: false, count: tensors.count)
    for element in ranked {
      let tensor = element.tensor
      guard !isWhole[tensor] else { continue }
      let count = positions[tensor].count
      let isNowWhole = Double(count + 1) >= limits[tensor]
      let more = isNowWhole ? sizes[tensor] - count : 1
      guard total + more <= budget else { break }
      total += more
      isWhole[tensor] = isNowWhole
      positions[tensor].append(element.position)
    }
    for (index, layer) in layers.enumerated() {
      layer.weight.trainElements(isWhole[index] ? [] : positions[index].sorted())
      guard isWhole[index] else {
        layer.adapter = nil
        continue
      }
      for factor in layer.adapter?.factors ?? [] {
        factor.parameter.trains = .rows(Array(0..<factor.parameter.shape.rows))
      }
    }
    for (index, vector) in vectors.enumerated() {
      let place = layers.count + index
      vector.trainElements(isWhole[place] ? Array(0..<vector.count) : positions[place].sorted())
    }
  }
}
