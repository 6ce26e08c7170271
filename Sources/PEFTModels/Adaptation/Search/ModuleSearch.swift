import PEFTNetwork
import PEFTTensor

/// The search of `ModuleSearchAdaptation`.
///
/// Round r of T draws gates and dimensions, and then alternates: the gradients of a batch of one
/// half of the data change what trains, and those of a batch of the other half the logits, in turn
/// those of the gates and those of the dimensions. It is of first order: the second gradients take
/// the weights as they are.
struct ModuleSearch {
  /// The temperature of the first and the last round, which falls linearly.
  private static let temperatures = (first: 5.0, last: 1.0)
  /// The standard deviation of the first logits.
  private static let spread = 1e-3

  let modules: [SearchModule]
  let budget: Int
  let rounds: Int
  private let generator: SeededGenerator
  private var gates: [[Double]]
  private var dimensions: [[Double]]
  private var gateOptimizer: ArchitectureOptimizer
  private var dimensionOptimizer: ArchitectureOptimizer
  private var ranking = ModuleRanking()
  private var histories: [DimensionHistory]
  private var isPruned: [Bool]
  /// The indices of the dimensions that are settled.
  private var settled: [Int?]

  /// A search among `modules`, each of which fits within `budget` parameters by itself.
  init(
    _ modules: [SearchModule], budget: Int, rounds: Int, using generator: SeededGenerator
  ) {
    (self.modules, self.budget, self.rounds) = (modules, budget, rounds)
    self.generator = generator
    var draws = generator.split("logits")
    func logits(_ count: Int) -> [Double] { (0..<count).map { _ in Self.spread * draws.normal() } }
    gates = modules.map { _ in logits(2) }
    dimensions = modules.map { logits($0.dimensions.count) }
    gateOptimizer = ArchitectureOptimizer(counts: gates.map(\.count))
    dimensionOptimizer = ArchitectureOptimizer(counts: dimensions.map(\.count))
    histories = dimensions.map { DimensionHistory(GumbelChoice.softmax($0)) }
    isPruned = modules.map { _ in false }
    settled = modules.map { $0.dimensions.count == 1 ? 0 : nil }
  }

  /// Searches. The values of the modules are restored; those of `head`, which train as well, are
  /// not.
  ///
  /// - Parameters:
  ///   - rate: the learning rate of what trains.
  ///   - measure: the gradients of a batch, of the first half of the data for even numbers and of
  ///     the second for odd ones; nil to stop.
  ///   - note: receives messages on the progress.
  /// - Returns: for each module the index of its dimension, or nil if it is not kept; nil if it was
  ///   stopped.
  mutating func run(
    head: [Parameter], rate: Double, measuring measure: (Int) throws -> GradientAccumulator?,
    note: (String) -> Void
  ) throws -> [Int?]? {
    defer { modules.forEach { $0.restore() } }
    var settings = AdamW.Settings()
    settings.weightDecay = 0
    let steps = GradientAccumulator()
    var optimizer = AdamW(parameters: modules.flatMap(\.trained) + head, settings: settings)
    for round in 0..<rounds {
      let samples = samples(of: round)
      write(samples)
      guard let gradients = try measure(2 * round) else { return nil }
      steps.reset()
      let training = pullBack(gradients, of: samples, to: steps)
      for parameter in head {
        guard let gradient = gradients[parameter] else { continue }
        steps.receive(.dense(gradient), of: parameter, partition: RowPartition(examples: 1))
      }
      optimizer.step(gradients: steps, learningRate: rate, gradientScale: 1)

      write(samples)
      guard let others = try measure(2 * round + 1) else { return nil }
      let validation = pullBack(others, of: samples, to: nil)
      stepLogits(of: round, samples, validation)
      func sensitivities(_ pulled: [Pulled?]) -> [Double?] {
        zip(samples, pulled).map { $0?.isOn == true ? $1?.sensitivity : nil }
      }
      ranking.add(
        training: sensitivities(training), validation: sensitivities(validation),
        probabilities: gates.map { GumbelChoice.softmax($0)[1] })
      narrow(after: round)
      if (round + 1) % max(1, rounds / 4) == 0 {
        note(
          "round \(round + 1) of \(rounds): \(isPruned.count { !$0 }) modules are left, with an "
            + "expected \(Int(expectedSizes.compactMap(\.self).reduce(0, +))) parameters")
      }
    }
    let chosen = ranking.selection(of: currentSizes, budget: budget)
    return chosen.indices.map { chosen[$0] ? likeliestDimension($0) : nil }
  }

  private typealias Pulled = (gate: Double, dimensions: [Double], sensitivity: Double)

  /// The gates and dimensions of a round; nil for a module that is pruned.
  private func samples(of round: Int) -> [ModuleSample?] {
    let done = Double(round) / Double(max(1, rounds - 1))
    let (first, last) = Self.temperatures
    let temperature = first + (last - first) * done
    var draws = generator.split("noise").split(round)
    return modules.indices.map { index in
      let noise = (
        GumbelChoice.noise(2, from: &draws),
        GumbelChoice.noise(dimensions[index].count, from: &draws)
      )
      guard !isPruned[index] else { return nil }
      let gate = GumbelChoice(logits: gates[index], noise: noise.0, temperature: temperature)
      if let dimension = settled[index] { return ModuleSample(gate: gate, settled: dimension) }
      return ModuleSample(
        gate: gate,
        dimension: GumbelChoice(
          logits: dimensions[index], noise: noise.1, temperature: temperature))
    }
  }

  private func write(_ samples: [ModuleSample?]) {
    for (module, sample) in zip(modules, samples) {
      if let sample { module.write(sample) } else { module.restore() }
    }
  }

  private func pullBack(
    _ gradients: GradientAccumulator, of samples: [ModuleSample?], to steps: GradientAccumulator?
  ) -> [Pulled?] {
    zip(modules, samples).map { module, sample in
      sample.map { module.pullBack(gradients, of: $0, to: steps) }
    }
  }

  /// Steps the logits of the gates in even rounds, and those of the dimensions in odd ones.
  private mutating func stepLogits(
    of round: Int, _ samples: [ModuleSample?], _ pulled: [Pulled?]
  ) {
    if round.isMultiple(of: 2) {
      gateOptimizer.step(
        &gates,
        gradients: zip(samples, pulled).map { sample, pulled in
          pulled.flatMap { sample?.gate.logitGradient(of: [0, $0.gate]) }
        })
    } else {
      dimensionOptimizer.step(
        &dimensions,
        gradients: zip(samples, pulled).map { sample, pulled in
          pulled.flatMap { sample?.dimensionChoice?.logitGradient(of: $0.dimensions) }
        })
    }
  }

  /// Prunes modules and settles dimensions, if the selection is stable.
  private mutating func narrow(after round: Int) {
    for index in modules.indices where settled[index] == nil {
      histories[index].add(GumbelChoice.softmax(dimensions[index]))
    }
    let selection = ranking.selection(of: currentSizes, budget: budget)
    guard let stability = ranking.stability(of: selection) else { return }
    let remaining = Double(rounds - round)
    let sizes = expectedSizes
    let excess = sizes.compactMap(\.self).reduce(0, +) - Double(budget)
    if excess > 0 {
      for index in ranking.lowest(worth: (excess / remaining).rounded(.up), of: sizes) {
        isPruned[index] = true
      }
    }
    let open = modules.indices.filter { settled[$0] == nil && !isPruned[$0] }
    let count = Int(stability * Double(open.count) / remaining)
    let stable = open.map { (index: $0, instability: histories[$0].instability) }
      .sorted { ($0.instability, $0.index) < ($1.instability, $1.index) }
    for (index, _) in stable.prefix(count) { settled[index] = likeliestDimension(index) }
  }

  /// The index of the settled dimension, or of the most likely one; the first of equals.
  private func likeliestDimension(_ index: Int) -> Int {
    let logits = dimensions[index]
    return settled[index]
      ?? logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
  }

  /// The parameters of every module at its most likely dimension; nil for one that is pruned.
  private var currentSizes: [Int?] {
    modules.indices.map { isPruned[$0] ? nil : modules[$0].sizes[likeliestDimension($0)] }
  }

  /// The expected parameters of every module over its gate and dimensions; nil for one that is
  /// pruned.
  private var expectedSizes: [Double?] {
    modules.indices.map { index in
      guard !isPruned[index] else { return nil }
      let isOn = GumbelChoice.softmax(gates[index])[1]
      if let dimension = settled[index] { return isOn * Double(modules[index].sizes[dimension]) }
      let probabilities = GumbelChoice.softmax(dimensions[index])
      return isOn
        * zip(probabilities, modules[index].sizes).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
  }
}
