import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTTrain

extension PreparedJob {
  /// The steps of the head alone before gradients are measured.
  private static let headSteps = 40

  /// Lets the method choose what it trains. Call it once, before the first step of a new run; a
  /// resumed run reads the choice from its checkpoint.
  ///
  /// A method that chooses by gradients gets its statistic of the first batches of a permutation of
  /// its own, at most one pass, without dropout. Before that, the head is trained alone; its values
  /// are then restored, bit for bit. The choice is a function of model, data, settings and seed,
  /// and does not depend on the number of workers.
  ///
  /// A method that searches gets batches of two halves of that permutation in turn, in every round
  /// one of each, again from the beginning after the last. The head trains along, and is restored.
  ///
  /// - Parameters:
  ///   - shouldStop: called before every batch of a search; true ends it.
  ///   - note: receives messages on a search.
  /// - Returns: the time that it took; nil if the method needs no gradients.
  /// - Throws: `NonFiniteLoss`; `StoppedSearch` if a search was stopped, and nothing is chosen.
  public func choose(
    shouldStop: () -> Bool = { false }, note: (String) -> Void = { _ in }
  ) throws -> TrainingEffort? {
    let start = ContinuousClock.now
    if job.method.searchRounds > 0 { try search(shouldStop: shouldStop, note: note) }
    let gradients = try measuredGradients()
    job.method.choose(
      in: model, by: gradients,
      using: SeededGenerator(seed: job.settings.seed, purpose: "weights"))
    guard job.method.gradientBatches > 0 || job.method.searchRounds > 0 else { return nil }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return TrainingEffort(seconds: seconds, choosingSeconds: seconds)
  }

  /// Lets the method search. The values of the head are restored.
  private func search(shouldStop: () -> Bool, note: (String) -> Void) throws {
    let head = model.taskParameters.map(\.value)
    defer {
      for (parameter, value) in zip(model.taskParameters, head) { parameter.value = value }
    }
    _ = try HeadTraining(steps: Self.headSteps).run(model, on: train, settings: job.settings)
    let generator = SeededGenerator(seed: job.settings.seed, purpose: "choice")
    var order = generator.split("order")
    let batches = job.settings.batches.scaled(by: job.settings.accumulation)
      .batches(lengths: train.lengths) { order.permutation($0) }
    let halves = [0, 1].map { half in
      batches.indices.filter { $0 % 2 == half % batches.count }.map { batches[$0] }
    }
    let isDone = try job.method.search(
      in: model, using: SeededGenerator(seed: job.settings.seed, purpose: "weights"),
      measuring: { number in
        guard !shouldStop() else { return nil }
        let half = halves[number % 2]
        let gradients = GradientAccumulator(precision: job.settings.precision)
        try add(
          half[number / 2 % half.count], index: number,
          masks: generator.split("masks").split(number), settings: job.settings,
          remedy: "lower the method's `search-rate`, use `precision` fp32", to: gradients)
        return gradients
      }, note: { note("\(job.method.name): " + $0) })
    guard isDone else { throw StoppedSearch() }
  }

  /// The statistic that the method needs of the gradients of the parameters that want their whole
  /// gradient.
  ///
  /// - Parameter step: the number of steps of the run taken before. From the first step on, the
  ///   head is the run's, and the batches are others for every step.
  func measuredGradients(after step: Int = 0) throws -> GradientAccumulator {
    let gradients = GradientAccumulator(precision: job.settings.precision)
    guard job.method.gradientBatches > 0 else { return gradients }
    let parameters = model.parameters.map(\.parameter)
    let marks = parameters.map { ($0.trains, $0.wantsWholeGradient) }
    let head = model.taskParameters.map(\.value)
    defer {
      if step == 0 {
        for (parameter, value) in zip(model.taskParameters, head) { parameter.value = value }
      }
      for (parameter, (trains, wantsWhole)) in zip(parameters, marks) {
        (parameter.trains, parameter.wantsWholeGradient) = (trains, wantsWhole)
      }
    }
    if step == 0 {
      _ = try HeadTraining(steps: Self.headSteps).run(model, on: train, settings: job.settings)
    }
    for (parameter, (_, wantsWhole)) in zip(parameters, marks) {
      (parameter.trains, parameter.wantsWholeGradient) = (.none, wantsWhole)
    }
    var generator = SeededGenerator(seed: job.settings.seed, purpose: "choice")
    if step > 0 { generator = generator.split(step) }
    var order = generator.split("order")
    let batches = job.settings.batches.scaled(by: job.settings.accumulation)
      .batches(lengths: train.lengths) { order.permutation($0) }
      .prefix(job.method.gradientBatches)
    if case .changeAlongSum(let temperature) = job.method.gradientStatistic {
      return try change(
        over: Array(batches), temperature: temperature, masks: generator.split("masks"))
    }
    for (index, examples) in batches.enumerated() {
      try measure(
        examples, index: index, masks: generator.split("masks").split(index), into: gradients)
    }
    return gradients
  }

  /// The change of the summed gradients along themselves, in fp32: differences of gradients in bf16
  /// would be noise.
  private func change(
    over batches: [[Int]], temperature: Double, masks: SeededGenerator
  ) throws -> GradientAccumulator {
    var settings = job.settings
    settings.precision = .fp32
    func sum() throws -> GradientAccumulator {
      let gradients = GradientAccumulator()
      for (index, examples) in batches.enumerated() {
        try add(
          examples, index: index, masks: masks.split(index), settings: settings,
          temperature: temperature, to: gradients)
      }
      return gradients
    }
    return try model.parameters.map(\.parameter).filter(\.wantsWholeGradient)
      .gradientChange(along: sum(), measuring: sum)
  }

  /// Adds the statistic of one batch.
  private func measure(
    _ examples: [Int], index: Int, masks: SeededGenerator, into gradients: GradientAccumulator
  ) throws {
    let wanted = model.parameters.map(\.parameter).filter(\.wantsWholeGradient)
    func addSquares(_ examples: [Int], masks: SeededGenerator) throws {
      let own = GradientAccumulator(precision: job.settings.precision)
      try add(examples, index: index, masks: masks, settings: job.settings, to: own)
      gradients.addSquares(of: own, among: wanted)
    }
    switch job.method.gradientStatistic {
    case .sum, .changeAlongSum:
      try add(examples, index: index, masks: masks, settings: job.settings, to: gradients)
    case .sumOfSquares: try addSquares(examples, masks: masks)
    case .sumOfExampleSquares:
      for example in examples { try addSquares([example], masks: masks.split(example)) }
    }
  }

  /// Adds the gradients of the mean loss of one batch.
  private func add(
    _ examples: [Int], index: Int, masks: SeededGenerator, settings: TrainingSettings,
    temperature: Double = 1,
    remedy: String = "use `precision` fp32, check that the model's weights are finite",
    to gradients: GradientAccumulator
  ) throws {
    let batch = DividedBatch(examples, of: train, settings: settings, maskingWith: masks)
    let loss = batch.pullBack(
      in: model, settings: settings, temperature: temperature, stopsAtInfinity: false, to: gradients
    )
    let broken = model.parameters.map(\.parameter).first { gradients[$0]?.isFinite == false }
    guard loss.isFinite, broken == nil else {
      throw NonFiniteLoss(
        step: index + 1, loss: loss, parameter: broken?.name, remedy: remedy)
    }
  }
}

/// The search for what to train was stopped before it had found anything.
public struct StoppedSearch: Error {}

extension TrainingEffort {
  /// A message on the time of choosing.
  func choosingLine(_ method: any AdaptationMethod) -> String {
    let seconds = (10 * choosingSeconds).rounded() / 10
    if method.searchRounds > 0 { return "\(method.name): the search took \(seconds) s" }
    return "\(method.name): the gradients of up to \(method.gradientBatches) batches chose what "
      + "trains, in \(seconds) s"
  }
}
