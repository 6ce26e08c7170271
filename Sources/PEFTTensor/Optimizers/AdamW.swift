import Foundation

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), in PyTorch's order of operations.
///
///     p ← p − lr λ p  (if p decays);  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²
///     p ← p − lr m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
public struct AdamW: Optimizer {
  /// The hyperparameters of AdamW.
  public struct Settings: Hashable, Sendable {
    /// β₁, the decay of the mean.
    public var beta1 = 0.9
    /// β₂, the decay of the mean square.
    public var beta2 = 0.999
    /// ε, added to the square root.
    public var epsilon = 1e-8
    /// λ, the decoupled weight decay.
    public var weightDecay = 0.01
    /// The parameters that decay.
    public var decayScope: WeightDecayScope

    /// Creates PyTorch's defaults, which decay everything, but for the given scope.
    public init(decayScope: WeightDecayScope = .matrices) { self.decayScope = decayScope }
  }

  /// The hyperparameters.
  public private(set) var settings: Settings
  /// The parameters that the optimizer updates.
  public var parameters: [Parameter] { optimized.all }
  /// The number of steps taken, t.
  public private(set) var stepCount = 0
  private var means: [Tensor]
  private var meanSquares: [Tensor]
  private var optimized: OptimizedParameters
  private let rateFactors: [Parameter: Double]
  /// Whether t of a single element is the number of its own steps.
  private var correctsByAge: Bool
  /// The numbers of steps of single elements, if they are counted.
  private var ages: [Tensor]

  /// Creates an optimizer with zero state.
  ///
  /// - Parameters:
  ///   - rateFactors: factors on the learning rates of parameters; 1 for those not listed.
  ///   - correctsByAge: whether the t of a single element (`TrainableElements.elements`) is the
  ///     number of steps since it became trainable, instead of the number of steps taken. Otherwise
  ///     the first steps of an element that becomes trainable late are several times too long.
  public init(
    parameters: [Parameter], settings: Settings = Settings(),
    rateFactors: [Parameter: Double] = [:], correctsByAge: Bool = false
  ) {
    self.init(
      parameters: parameters, shares: nil, settings: settings, rateFactors: rateFactors,
      correctsByAge: correctsByAge)
  }

  /// Creates an optimizer of a part of the trainable elements, with zero state.
  ///
  /// The tensors of its `state` are those of its part; see `state(gatheredBy:)`.
  ///
  /// - Parameter shares: the elements of each parameter that it updates, within its trainable
  ///   ones; nil for all.
  package init(
    parameters: [Parameter], shares: [Parameter: Range<Int>]?, settings: Settings = Settings(),
    rateFactors: [Parameter: Double] = [:], correctsByAge: Bool = false
  ) {
    self.settings = settings
    self.rateFactors = rateFactors
    self.correctsByAge = correctsByAge
    optimized = OptimizedParameters(parameters, shares: shares)
    means = optimized.zeros
    meanSquares = optimized.zeros
    ages = correctsByAge ? optimized.zeros : []
  }

  /// The slots `mean` (m) and `meanSquare` (v) of every parameter, and the counters `step`, the
  /// number of steps taken, and `decaysAll`, 1 if every parameter decays and 0 if only matrices do.
  /// If the steps of single elements are counted, the counter `correctsByAge` is 1, and the slot
  /// `age` has their numbers.
  ///
  /// A state without `decaysAll` was saved when every parameter decayed. An optimizer restored from
  /// it lets every parameter decay too.
  public var state: OptimizerState {
    get {
      var state = OptimizerState(
        counters: ["step": stepCount, "decaysAll": settings.decayScope == .all ? 1 : 0],
        slots: ["mean": optimized.named(means), "meanSquare": optimized.named(meanSquares)])
      guard correctsByAge else { return state }
      let single = Set(parameters.filter { $0.trains.chosenElements != nil }.map(\.name))
      state.counters["correctsByAge"] = 1
      state.slots["age"] = optimized.named(ages).filter { single.contains($0.key) }
      return state
    }
    set {
      stepCount = newValue.counters["step"] ?? 0
      settings.decayScope = newValue.counters["decaysAll"] == 0 ? .matrices : .all
      means = optimized.restored(newValue.slots["mean"])
      meanSquares = optimized.restored(newValue.slots["meanSquare"])
      correctsByAge = newValue.counters["correctsByAge"] == 1
      guard correctsByAge else { return ages = [] }
      let known = newValue.slots["age"] ?? [:]
      ages = zip(parameters, optimized.zeros).map { known[$0.name] ?? $1 }
    }
  }

  /// Adapts the state to the elements that are trainable now; see `Optimizer`.
  public mutating func change(_ parameter: Parameter) {
    optimized.carry(parameter, &means)
    optimized.carry(parameter, &meanSquares)
    if correctsByAge { optimized.carry(parameter, &ages) }
    optimized.note(parameter)
  }

  /// Takes one step; see `Optimizer`.
  public mutating func step(
    gradients: GradientAccumulator, learningRate: Double, gradientScale: Double
  ) {
    stepCount += 1
    for parameter in parameters {
      let table = parameter.trains == .all ? gradients.tableGradient(of: parameter) : nil
      guard let gradient = table?.values ?? gradients.trainableGradient(of: parameter) else {
        continue
      }
      let index = optimized.position(of: parameter)
      let update = constants(
        step: stepCount, learningRate: learningRate * (rateFactors[parameter] ?? 1),
        weightDecay: settings.decayScope.contains(parameter) ? settings.weightDecay : 0,
        gradientScale: gradientScale)
      let countsAges = correctsByAge && parameter.trains.chosenElements != nil
      parameter.updateTrainableValue { value in
        if countsAges {
          AdamWKernel.step(
            update, value: &value, gradient: gradient, mean: &means[index],
            meanSquare: &meanSquares[index], age: &ages[index])
        } else {
          AdamWKernel.step(
            update, value: &value, gradient: gradient, rows: table?.rows, mean: &means[index],
            meanSquare: &meanSquares[index])
        }
      }
    }
  }

  /// Replaces the state by one of all elements, of which it keeps those that it updates.
  ///
  /// - Parameter shares: the elements of each parameter, within its trainable ones, that it updates
  ///   from now on; nil for all.
  package mutating func restore(_ state: OptimizerState, shares: [Parameter: Range<Int>]?) {
    optimized.shares = shares
    self.state = state
  }

  /// Takes one step of this process's slice.
  ///
  /// - Parameters:
  ///   - slice: the gradients of the elements that this optimizer updates; see `GradientExchange`.
  ///   - present: the parameters that have a gradient; the others are left alone.
  package mutating func step(
    _ slice: [Float], of exchange: GradientExchange, present: Set<Parameter>,
    learningRate: Double, gradientScale: Double
  ) {
    stepCount += 1
    for piece in exchange.ownPieces where present.contains(piece.parameter) {
      let parameter = piece.parameter
      let index = optimized.position(of: parameter)
      let update = constants(
        step: stepCount, learningRate: learningRate * (rateFactors[parameter] ?? 1),
        weightDecay: settings.decayScope.contains(parameter) ? settings.weightDecay : 0,
        gradientScale: gradientScale)
      let rowWidth = parameter.hasStateOfReadRows ? parameter.shape.columns : nil
      parameter.updateTrainableValue { value in
        AdamWKernel.step(
          update, value: &value, in: piece.range, gradient: slice, from: piece.offset,
          rowWidth: rowWidth,
          mean: &means[index], meanSquare: &meanSquares[index])
      }
    }
  }

  /// The direction of the next step; see `Optimizer`. It takes t to be the number of steps.
  public func updateDirection(of parameter: Parameter, gradient: Tensor) -> Tensor {
    let index = optimized.position(of: parameter)
    return AdamWKernel.direction(
      constants(step: stepCount + 1, learningRate: 1, weightDecay: 0, gradientScale: 1),
      gradient: gradient, mean: means[index], meanSquare: meanSquares[index])
  }

  private func constants(
    step: Int, learningRate: Double, weightDecay: Double, gradientScale: Double
  ) -> AdamWKernel.Constants {
    AdamWKernel.Constants(
      learningRate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
      epsilon: settings.epsilon, weightDecay: weightDecay,
      biasCorrection1: 1 - pow(settings.beta1, Double(step)),
      biasCorrection2: 1 - pow(settings.beta2, Double(step)), gradientScale: gradientScale)
  }
}
