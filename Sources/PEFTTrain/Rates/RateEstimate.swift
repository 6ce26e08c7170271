import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// A learning rate derived from how far a step can move the model's features.
///
/// AdamW steps every element by about the learning rate, whatever its gradient. How far that moves
/// the model depends on how many elements train and where they are, which is why a rate for one
/// method is wrong for another. The estimate measures it: it takes the signs of a gradient as the
/// direction of a step, computes the movement of the features along it (see `featureMovement`), and
/// chooses the rate at which a step moves them by `reach`.
///
/// It does so for two gradients, and the larger movement counts. One is the mean gradient of the
/// loss. At the beginning of a task that is hard to begin, it is noise, along which a step moves
/// the features little; the rate would be too high for the steps that follow. The other is the
/// gradient of the mean feature along a random direction. Its signs move all tokens alike, as the
/// steps of a run do once they agree, whatever the task.
public struct RateEstimate: Hashable, Sendable {
  /// The movement of the features for one unit of a step, relative to their spread.
  public let movement: Double
  /// The rate.
  public let rate: Double

  /// The movement of the features by one step at the estimated rate, relative to their spread.
  ///
  /// One number for all methods, models and tasks. `Benchmarks/selection-2026-11.md` says how it
  /// was found.
  public static let reach = 0.3

  /// Creates the estimate for a measured movement. Returns nil if nothing moves.
  public init?(movement: Double) {
    guard movement > 0, movement.isFinite else { return nil }
    self.movement = movement
    rate = Self.rounded(Self.reach / movement)
  }
}

extension RateEstimate {
  /// A rate rounded to two significant digits, which is more than it is known to.
  static func rounded(_ rate: Double) -> Double {
    Double(String(format: "%.1e", rate)) ?? rate
  }

  /// The number of steps of the head alone before the gradient of the loss.
  static let headSteps = 24
  /// The number of batches in the mean gradient of the loss.
  static let lossBatches = 6
  /// The number of random directions of the features.
  static let directionCount = 2
  /// The number of steps by which an adapter with a factor of zeros has grown when it is measured
  /// again.
  static let growthSteps = 16
  /// The rate of these steps as a fraction of the first estimate.
  static let growthShare = 0.1
  /// The number of examples on which the movement is measured.
  static let exampleCount = 16
  /// The number of these examples whose activations are in memory at once.
  static let examplesAtOnce = 4

  /// Estimates the rate for what trains in `model` outside the head.
  ///
  /// Adapters such as LoRA, one factor of which is initialised to zeros, move the model by their
  /// other factor only once they have grown: what trains takes some steps along the signs at a low
  /// rate and is measured again.
  ///
  /// - Returns: nil if nothing outside the head trains or moves, or if it was stopped. The model is
  ///   bit for bit as before.
  public static func measured(
    of model: TransformerModel, on data: EncodedDataset, settings: TrainingSettings,
    shouldStop: () -> Bool = { false }
  ) throws -> RateEstimate? {
    let entries = model.parameters
    guard entries.contains(where: { $0.parameter.isTrainable && $0.kind != .head }) else {
      return nil
    }
    let snapshot = ParameterSnapshot(of: entries)
    defer { snapshot.restore() }
    var settings = settings
    settings.usesDropout = false
    settings.recomputesLayers = false
    settings.accumulation = 1
    guard
      try HeadTraining(steps: headSteps).run(
        model, on: data, settings: settings, shouldStop: shouldStop)
    else { return nil }
    let source = BatchSource(data: data, settings: settings)
    let texts = source.texts(exampleCount, atOnce: examplesAtOnce, from: headSteps)
    let start = ParameterSnapshot(of: entries)
    /// The movement along the signs of the gradients that `add` adds up; nil if it was stopped.
    func movement(_ add: (GradientSums) -> Void) throws -> Double? {
      func measured() -> (movement: Double, signs: [Parameter: Tensor])? {
        let sums = GradientSums(in: model, settings: settings)
        add(sums)
        if shouldStop() { return nil }
        let signs = sums.signs
        return (
          model.featureMovement(along: signs, on: texts, precision: settings.precision), signs
        )
      }
      guard let first = measured() else { return nil }
      guard let estimate = RateEstimate(movement: first.movement),
        entries.contains(where: { $0.adapter?.part == .silent && $0.parameter.isTrainable })
      else { return first.movement }
      let growth = growthShare * estimate.rate * Double(growthSteps)
      for (parameter, signs) in first.signs { parameter.value.add(signs, scaledBy: Float(-growth)) }
      try model.readAgain()
      defer { start.restore() }
      return measured()?.movement
    }
    let ofLoss = try movement { sums in
      for number in 0..<lossBatches where !shouldStop() {
        sums.add(source.divided(headSteps + number))
      }
    }
    guard let ofLoss else { return nil }
    var squares = 0.0
    for number in 0..<directionCount {
      var generator = SeededGenerator(seed: 0, purpose: "directions").split(number)
      let direction: [Float] = (0..<model.configuration.hiddenSize).map { _ in
        generator.uniform() < 0.5 ? -1 : 1
      }
      let found = try movement { sums in
        for batch in texts where !shouldStop() { sums.add(batch, along: direction) }
      }
      guard let found else { return nil }
      squares += found * found / Double(directionCount)
    }
    return RateEstimate(movement: max(ofLoss, squares.squareRoot()))
  }
}

/// The sums of gradients of everything that trains outside the head.
private final class GradientSums {
  private let model: TransformerModel
  private let settings: TrainingSettings
  private let gradients: GradientAccumulator

  init(in model: TransformerModel, settings: TrainingSettings) {
    (self.model, self.settings) = (model, settings)
    gradients = GradientAccumulator(precision: settings.precision)
  }

  /// Adds the gradients of the mean loss of a batch.
  func add(_ batch: DividedBatch) {
    _ = batch.pullBack(in: model, settings: settings, stopsAtInfinity: false, to: gradients)
  }

  /// Adds the gradients of the sum of the features along a direction over the tokens of `texts`.
  func add(_ texts: PackedBatch, along direction: [Float]) {
    let tape = Tape(precision: settings.precision)
    let features = model.hidden(texts, on: tape)
    let rows = (0..<features.value.shape.rows).flatMap { _ in direction }
    tape.pullBack(Tensor(rows, shape: features.value.shape), from: features, to: gradients)
  }

  /// The signs of the sums times the factors of the learning rates, in the shapes of the
  /// parameters; 0 for elements that do not train.
  var signs: [Parameter: Tensor] {
    let trained = model.parameters.filter { $0.parameter.isTrainable && $0.kind != .head }
    return Dictionary(
      uniqueKeysWithValues: trained.compactMap { entry in
        let (parameter, factor) = (entry.parameter, Float(settings.rateFactor(of: entry)))
        guard var signs = gradients.trainableGradient(of: parameter) else { return nil }
        signs.withUnsafeMutableElements { elements in
          for index in elements.indices {
            elements[index] = elements[index] > 0 ? factor : elements[index] < 0 ? -factor : 0
          }
        }
        return (
          parameter,
          signs.carried(
            from: parameter.trains, to: .all, in: parameter.shape, as: parameter.shape)
        )
      })
  }
}
