import PEFTNetwork
import PEFTTensor

/// LoRA-XS (Bałazy et al. 2024, arXiv 2405.17604): adds a delta U R V of rank r to the weight W of
/// every target, and trains only the core R [r, r].
///
/// The rows of V and the columns of U are orthonormal and remain as they are chosen before the
/// first step. R is initialised to zero, so training starts at the base model; unlike B in LoRA, it
/// has a gradient Uᵀ G Vᵀ in the first step. The delta has no scale: an element of R that moves by
/// η moves W by η in the Frobenius norm, whatever the size of W.
///
/// The published method takes the frames from W and multiplies V by W's singular values. Frames
/// are without singular values here, so that one learning rate suits all frames.
///
/// With the frames `step` it is LoRA-SB (Ponkshe et al. 2024, arXiv 2411.19557), which starts after
/// the first step of full fine-tuning, as well as a core can take it:
///
///     D = −η sign(Σ_b G_b)      the first step of Adam with the rate η
///     U, V: the first r singular vectors of D;  R = Uᵀ D Vᵀ, their singular values
///
/// For orthonormal frames, the gradient of R moves W by the best approximation of what a full step
/// would do in them, without a scale to tune. There, η is the run's rate over the number of steps
/// of its warmup, and G a sum over single examples of a model with a new head.
public struct CoreAdaptation: AdaptationMethod {
  /// The origin of the frames.
  public enum Frames: String, Sendable {
    /// The first singular vectors of Σ_b G_b, the sum of the weight's gradients over some batches,
    /// of a model whose head has been trained a little. The sign of the gradient does not matter.
    case gradient
    /// The first singular vectors of W.
    case weight
    /// Random orthonormal vectors, as a control.
    case random
    /// Those of a first full step, with which R starts (LoRA-SB).
    case step
  }

  /// `lora-xs`.
  public static let name = "lora-xs"

  /// What is trained.
  public static let summary = "small cores between fixed low-rank frames of every linear weight"

  /// r.
  public var rank = 8
  /// The origin of the frames.
  public var frames = Frames.gradient
  /// The number of batches whose gradients are summed.
  public var batches = 16
  /// η, the learning rate of the full step with which R starts; it counts for the frames `step`.
  public var firstRate = 1e-5
  /// The last components of the paths of the linear layers to adapt, such as `query`; all layers of
  /// the backbone if empty.
  public var targets: [String] = []

  /// Rank, frames, batches, first-rate and targets.
  public static let fields: [MethodField<CoreAdaptation>] = [
    .integer(
      "rank", \.rank, in: 1...AdapterCandidates.rankLimit, help: "the rank, from 1 to 1024"),
    .word("frames", \.frames, help: "gradient, weight, random or step"),
    .integer(
      "batches", \.batches, in: 1...1 << 16, help: "batches whose gradients are summed, from 1"),
    .number(
      "first-rate", \.firstRate,
      help: "with frames=step, the rate of the full step, above 0 and up to 1"
    ) { $0 > 0 && $0 <= 1 }.optional,
    .names("targets", \.targets, help: "linear layers, such as query,value; all if empty"),
  ]

  /// Creates the method with rank 8 on every linear weight of the backbone.
  public init() {}

  /// Creates the method with rank `rank` on the targets.
  public init(
    rank: Int, frames: Frames = .gradient, batches: Int = 16, targets: [String] = []
  ) {
    precondition(rank > 0 && batches > 0, "CoreAdaptation: rank \(rank), \(batches) batches")
    (self.rank, self.frames, self.batches, self.targets) = (rank, frames, batches, targets)
  }

  /// LoRA-SB.
  public static let variants: [(name: String, method: CoreAdaptation)] = [
    ("lora-sb", CoreAdaptation(rank: 8, frames: .step))
  ]

  /// The name of the method or variant and the rank, and other frames than the usual ones.
  public var label: String {
    switch frames {
    case .gradient: "\(name) r\(rank)"
    case .step: "lora-sb r\(rank)"
    case .weight, .random: "\(name) \(frames.rawValue) r\(rank)"
    }
  }

  /// The method with the largest rank at which the cores and the head are within `budget`
  /// parameters, or with rank 1 if that exceeds it.
  public func sized(within budget: Int, for model: TransformerModel) -> Self {
    let layers = layers(of: model)
    let head = model.taskParameters.reduce(0) { $0 + $1.count }
    let each = Double(max(0, budget - head)) / Double(max(1, layers.count))
    let largest = layers.map(\.largestRank).min() ?? 1
    var sized = self
    sized.rank = min(
      largest, AdapterCandidates.rankLimit, max(1, Int(saturating: each.squareRoot())))
    return sized
  }

  /// The first target that does not name a linear layer of `model`, or a rank above that of a
  /// weight.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    model.misfit(targets: targets) ?? model.misfit(rank: rank, of: layers(of: model))
  }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets)
  }

  /// Freezes everything but the head and adds a core to every target, whose frames remain to be
  /// chosen.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let adapters = layers(of: model).map { layer in
      let adapter = CoreAdapter(for: layer, rank: rank)
      layer.adapter = adapter
      return adapter
    }
    let cores = Set(adapters.map(\.core))
    model.train { cores.contains($0) }
    guard gradientBatches > 0 else { return }
    for layer in layers(of: model) { layer.weight.wantsWholeGradient = true }
  }

  /// `batches`, or 0 for frames without gradients.
  public var gradientBatches: Int { [.gradient, .step].contains(frames) ? batches : 0 }

  /// Chooses the frames of every target, and for LoRA-SB its core. A weight that no gradient has
  /// reached gets random frames and a core of zeros.
  public func choose(
    in model: TransformerModel, by gradients: GradientAccumulator, using generator: SeededGenerator
  ) {
    for layer in layers(of: model) {
      guard let adapter = layer.adapter as? CoreAdapter else { continue }
      let (weight, draws) = (layer.weight, generator.split(layer.name + ".frames"))
      weight.wantsWholeGradient = false
      let source =
        switch frames {
        case .gradient: gradients[weight]
        case .step: gradients[weight]?.firstStep(rate: Float(firstRate))
        case .weight: weight.plainValue
        case .random: Tensor?.none
        }
      let found = source.flatMap { $0.leadingSingularVectors(rank, using: draws) }
      let vectors = found ?? Self.randomVectors(rank, of: weight.shape, using: draws)
      adapter.down.value = vectors.right
      adapter.up.value = vectors.left.transposed
      guard frames == .step, found != nil, let source else { continue }
      // Uᵀ D, then Uᵀ D Vᵀ.
      var rows = Tensor(zeros: vectors.right.shape)
      rows.addProduct(of: vectors.left, source, scale: 1)
      var core = Tensor(zeros: [rank, rank])
      core.addProduct(of: rows, vectors.right.transposed, scale: 1)
      adapter.core.value = core
    }
  }

  /// Random orthonormal rows [r, out] and [r, in].
  private static func randomVectors(
    _ rank: Int, of shape: Shape, using generator: SeededGenerator
  ) -> (left: Tensor, right: Tensor) {
    func vectors(_ side: String, _ length: Int) -> Tensor {
      var draws = generator.split(side)
      let normal = Tensor(normal: [rank, length], standardDeviation: 1, using: &draws)
      return normal.orthonormalRows ?? normal
    }
    return (vectors("left", shape.rows), vectors("right", shape.columns))
  }
}

extension Tensor {
  /// −η sign(g), with 0 where g is 0: the first step of Adam for the gradient g.
  fileprivate func firstStep(rate: Float) -> Tensor {
    var step = self
    step.withUnsafeMutableElements { elements in
      for index in elements.indices {
        let gradient = elements[index]
        elements[index] = gradient == 0 ? 0 : gradient < 0 ? rate : -rate
      }
    }
    return step
  }
}
