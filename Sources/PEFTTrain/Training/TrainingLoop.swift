import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The steps of a training run, one at a time: batches, gradients, and AdamW with clipping by
/// global norm. It knows no files and evaluates nothing; see `train` for a whole run.
///
/// Batches, dropout and everything else random are functions of the seed; the same seed gives the
/// same bits with any number of workers. With several processes, each computes some of the atoms
/// of every batch (`TrainingSettings.atoms`), and the bits are those of one process with as many.
public struct TrainingLoop {
  /// The state of the loop between two steps.
  public struct State: Sendable {
    /// The number of steps taken.
    public let step: Int
    /// The parameters of which only some rows or elements train or trained, by name.
    public let elements: [String: TrainingHistory]
    /// The values of the parameters or elements that train or trained, and of the frozen parameters
    /// of adapters, by parameter name.
    public let values: [String: Tensor]
    /// The optimizer's state.
    public let optimizer: OptimizerState
    /// The mark: the elements that trained when it was set or before, and the values at that time
    /// of those that have trained until now.
    public let mark: (elements: [String: TrainingHistory], values: [String: Tensor])?
    /// The state of the method's session.
    public let session: [String: [String: Tensor]]
  }

  /// The model.
  public let model: TransformerModel
  /// The parameters that train or may become trainable.
  public let parameters: [Parameter]
  /// The number of steps of the whole run.
  public let totalSteps: Int
  /// The number of steps taken.
  public private(set) var step = 0
  /// Whether the last step used the last batch of a pass over the data.
  public private(set) var endsPass = false
  /// What the last step chose again before it was taken; nil if it chose nothing.
  var reselection: Reselection? { session?.reselection }
  private let data: EncodedDataset
  private let settings: TrainingSettings
  private var session: (any AdaptationSession)?
  private let collective: any Collective
  private let schedule: LearningRateSchedule
  private let gradients: GradientAccumulator
  private var optimizer: AdamW
  /// The exchange by which every process updates a slice of what trains; nil for a single process,
  /// and if a session may change what trains, for which all processes need all gradients.
  private var exchange: GradientExchange?
  /// The batches of the current pass, and the number of them already used.
  private var batches: [[Int]] = []
  private var position = 0
  private var epoch = 0
  /// The mark: the values at that time of what has trained until now, and the elements that trained
  /// then or before.
  private var mark: (values: [Parameter: Tensor], elements: [Parameter: TrainingHistory])?

  /// A loop before its first step.
  ///
  /// - Parameters:
  ///   - session: a method's part in the run, if it changes which elements train.
  ///   - collective: the processes that train together. If there are several, `settings` must
  ///     divide batches into at least as many atoms (`TrainingSettings.atoms`).
  public init(
    _ model: TransformerModel, on data: EncodedDataset, settings: TrainingSettings,
    session: (any AdaptationSession)? = nil, collective: any Collective = Alone()
  ) {
    (self.model, self.data, self.settings) = (model, data, settings)
    (self.session, self.collective) = (session, collective)
    precondition(
      collective.count <= settings.atomCount,
      "TrainingLoop: \(collective.count) processes for \(settings.atomCount) atoms")
    let candidates = Set(session?.candidates ?? [])
    let entries = model.parameters.filter {
      $0.parameter.isTrainable || candidates.contains($0.parameter)
    }
    parameters = entries.map(\.parameter)
    gradients = GradientAccumulator(precision: settings.precision)
    totalSteps = plannedSteps(data: data, settings: settings)
    schedule = LearningRateSchedule(
      peak: settings.learningRate,
      warmupSteps: max(1, Int(saturating: settings.warmupFraction * Double(totalSteps))),
      totalSteps: totalSteps, decay: settings.decay)
    exchange = Self.exchange(for: parameters, session, collective)
    optimizer = AdamW(
      parameters: parameters, shares: exchange?.shares, settings: settings.optimizer,
      rateFactors: Dictionary(
        uniqueKeysWithValues: entries.map { ($0.parameter, settings.rateFactor(of: $0)) }),
      correctsByAge: session?.correctsByAge ?? false)
  }

  private static func exchange(
    for parameters: [Parameter], _ session: (any AdaptationSession)?,
    _ collective: any Collective
  ) -> GradientExchange? {
    collective.count > 1 && session == nil
      ? GradientExchange(for: parameters, over: collective) : nil
  }

  /// The current state, which several processes put together.
  ///
  /// Throws the collective's error if another process has ended.
  public var state: State {
    get throws {
      State(
        step: step, elements: chosen { $0.history },
        values: named { $0.recorded == .none ? nil : $0.recordedValue }.merging(
          model.frozenAdapterParameters.map { ($0.name, $0.value) },
          uniquingKeysWith: { value, _ in value }),
        optimizer: try exchange.map { try optimizer.state(gatheredBy: $0) } ?? optimizer.state,
        mark: mark.map { mark in
          (chosen { mark.elements[$0] }, named { mark.values[$0] })
        }, session: session?.state ?? [:])
    }
  }

  /// Continues from a state, which must come from the same model, data and settings; the following
  /// steps are then exactly those of the original loop, bit for bit.
  public mutating func restore(_ state: State) {
    let choosing = Set(parameters.filter(\.recordsElements)).union(session?.candidates ?? [])
    for parameter in parameters {
      parameter.restore(
        state.elements[parameter.name], state.values[parameter.name])
    }
    model.detachFrozenAdapters()
    for parameter in model.frozenAdapterParameters {
      if let value = state.values[parameter.name] { parameter.value = value }
    }
    if session == nil { model.parameters.forEach { $0.parameter.wantsWholeGradient = false } }
    exchange = Self.exchange(for: parameters, session, collective)
    optimizer.restore(state.optimizer, shares: exchange?.shares)
    session?.state = state.session
    mark = state.mark.map { mark in
      var (values, elements): ([Parameter: Tensor], [Parameter: TrainingHistory]) = ([:], [:])
      for parameter in parameters {
        values[parameter] = mark.values[parameter.name]
        elements[parameter] =
          mark.elements[parameter.name]
          ?? TrainingHistory(trains: choosing.contains(parameter) ? .none : parameter.trains)
      }
      return (values, elements)
    }
    step = state.step
    (epoch, batches, position) = (0, [], step)
    while position > batches.count || epoch == 0 {
      position -= batches.count
      nextPass()
    }
  }

  /// The number of steps after which the size of what the method leaves is final.
  var settledStep: Int { session?.settledStep ?? 0 }

  private mutating func nextPass() {
    batches = epochBatches(data: data, settings: settings, epoch: epoch)
    epoch += 1
  }

  private func named<Value>(_ value: (Parameter) -> Value?) -> [String: Value] {
    Dictionary(
      uniqueKeysWithValues: parameters.compactMap { parameter in
        value(parameter).map { (parameter.name, $0) }
      })
  }

  /// The histories by name, of parameters of which only a part trains or trained.
  private func chosen(
    _ history: (Parameter) -> TrainingHistory?
  ) -> [String: TrainingHistory] {
    named { parameter in history(parameter).flatMap { $0.isOfParts ? $0 : nil } }
  }

  /// Stores the current values, to which `returnToMark` returns.
  public mutating func markValues() {
    var values: [Parameter: Tensor] = [:]
    for parameter in parameters where parameter.recorded != .none {
      values[parameter] = parameter.recordedValue
    }
    mark = (values, Dictionary(uniqueKeysWithValues: parameters.map { ($0, $0.history) }))
  }

  /// Restores the marked values and the elements that were trainable then.
  ///
  /// Does nothing without a mark.
  public mutating func returnToMark() {
    guard let mark = mark.take() else { return }
    for parameter in parameters {
      guard let value = mark.values[parameter] else { continue }
      parameter.recordedValue = value
      if let elements = mark.elements[parameter] { parameter.history = elements }
    }
  }

  /// The packed examples of the next step, in the parts whose gradients are added.
  mutating func nextBatch() -> DividedBatch {
    precondition(step < totalSteps, "TrainingLoop: all \(totalSteps) steps are taken")
    if position == batches.count {
      nextPass()
      position = 0
    }
    return DividedBatch(
      batches[position], of: data, settings: settings,
      maskingWith: SeededGenerator(seed: settings.seed, purpose: "masks").split(step))
  }

  /// Takes the next step. Throws `NonFiniteLoss` before the parameters change if the loss or
  /// gradient is not finite, and the collective's error if another process has ended.
  mutating func take(_ batch: DividedBatch) throws -> StepReport.Numbers {
    gradients.reset()
    if let session { note(try session.prepare(step: step)) }
    let (loss, sums) = try pullBack(batch)
    guard loss.isFinite else {
      throw NonFiniteLoss(step: step + 1, loss: loss, parameter: nil)
    }
    let rate = schedule.rate(at: step)
    let norm = try sums.map { try update(by: $0, rate: rate, loss: loss) } ?? update(rate, loss)
    session?.finish(gradients, step: step)
    step += 1
    position += 1
    endsPass = position == batches.count
    return StepReport.Numbers(
      step: step, totalSteps: totalSteps, loss: loss, learningRate: rate, gradientNorm: norm)
  }

  /// Updates what trains by the gradients, and returns their norm.
  private mutating func update(_ rate: Double, _ loss: Double) throws -> Double {
    if let session { note(session.adjust(gradients, step: step)) }
    let norm =
      settings.atomPlan == nil
      ? gradients.globalNorm(of: parameters) : gradients.blockNorm(of: parameters)
    guard norm.isFinite else {
      let culprit = parameters.first { gradients[$0]?.isFinite == false }
      throw NonFiniteLoss(step: step + 1, loss: loss, parameter: culprit?.name)
    }
    optimizer.step(gradients: gradients, learningRate: rate, gradientScale: scale(norm))
    return norm
  }

  /// Updates a slice of what trains, receives the others, and returns the norm of all gradients.
  private mutating func update(
    by sums: (slice: [Float], present: Set<Parameter>), rate: Double, loss: Double
  ) throws -> Double {
    guard let exchange else { return 0 }
    let norm = try exchange.norm(of: sums.slice)
    guard norm.isFinite else {
      throw NonFiniteLoss(
        step: step + 1, loss: loss, parameter: try exchange.firstBroken(in: sums.slice)?.name)
    }
    optimizer.step(
      sums.slice, of: exchange, present: sums.present, learningRate: rate,
      gradientScale: scale(norm))
    try exchange.gatherValues()
    return norm
  }

  /// The factor that clips gradients of this norm.
  private func scale(_ norm: Double) -> Double {
    settings.clippingNorm.map { clippingFactor(norm: norm, limit: $0) } ?? 1
  }

  /// Computes the gradients of the batch, of which every process computes some atoms.
  ///
  /// - Returns: the mean loss of the batch, and this process's slice of the gradients if every
  ///   process updates one; nil if `gradients` has them all.
  private func pullBack(
    _ batch: DividedBatch
  ) throws -> (loss: Double, sums: (slice: [Float], present: Set<Parameter>)?) {
    let dropout =
      settings.usesDropout
      ? SeededGenerator(seed: settings.seed, purpose: "dropout").split(step) : nil
    guard collective.count > 1 else {
      let loss = batch.pullBack(in: model, settings: settings, dropout: dropout, to: gradients)
      return (loss, nil)
    }
    let atoms = batch.atomCount
    let mine = AtomTree<Void>.atoms(ofRank: collective.rank, of: collective.count, count: atoms)
    let (tree, losses) = batch.sums(
      over: mine, in: model, settings: settings, dropout: dropout, stopsAtInfinity: true)
    // A process has at most one atom more than the others.
    let most = 1 + atoms / collective.count
    let shares = try collective.gather(
      losses + Array(repeating: 0, count: most - losses.count)
    ).joined()
    let loss = DividedBatch.loss(Array(shares))
    guard loss.isFinite else { return (loss, nil) }
    let exchange = exchange ?? GradientExchange(for: parameters, over: collective)
    let present = try exchange.present(in: tree)
    let slice = try exchange.sums(tree, atoms: atoms)
    if self.exchange != nil { return (loss, (slice, present)) }
    try exchange.gather(slice, of: present, into: gradients)
    return (loss, nil)
  }

  /// Passes changes of the trainable elements to the optimizer and the mark.
  private mutating func note(_ changes: [ElementChange]) {
    for (parameter, before) in changes {
      optimizer.change(parameter)
      guard let marked = mark?.values[parameter] ?? (mark == nil ? nil : Tensor(zeros: [0])) else {
        continue
      }
      let recorded = parameter.recorded
      guard recorded != before else { continue }
      // Elements that have not trained until now still have their values from the time of the mark.
      mark?.values[parameter] = parameter.value.withUnsafeElements { now in
        marked.carried(
          from: before, to: recorded, in: parameter.shape, as: recorded.shape(in: parameter.shape),
          fresh: { now[$0] })
      }
    }
  }
}

/// The number of steps of a run with these settings.
public func plannedSteps(data: EncodedDataset, settings: TrainingSettings) -> Int {
  switch settings.length {
  case .steps(let steps): return steps
  case .epochs(let epochs):
    let perEpoch = epochBatches(data: data, settings: settings, epoch: 0).count
    return max(1, Int(saturating: (epochs * Double(perEpoch)).rounded()))
  }
}

/// The batches of one pass as they are computed: those of the steps, cut into their atoms.
package func computedBatches(
  data: EncodedDataset, settings: TrainingSettings, epoch: Int
) -> [[Int]] {
  let batches = epochBatches(data: data, settings: settings, epoch: epoch)
  guard let atoms = settings.atomPlan else { return batches }
  return batches.flatMap { atoms.parts(of: $0, lengths: data.lengths) }
}

/// The batches of the steps of one pass, permuted as a function of (seed, epoch).
package func epochBatches(data: EncodedDataset, settings: TrainingSettings, epoch: Int) -> [[Int]] {
  var order = SeededGenerator(seed: settings.seed, purpose: "order").split(epoch)
  return settings.batches.scaled(by: settings.accumulation).batches(lengths: data.lengths) {
    order.permutation($0)
  }
}
