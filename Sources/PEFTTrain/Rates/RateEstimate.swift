import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// A learning rate derived from how far a step moves the model's features.
///
/// AdamW steps every element by about the learning rate, whatever its gradient. How far that moves
/// the model depends on how many elements train and where they are, which is why a rate for one
/// method is wrong for another. The estimate measures it: it takes the signs of a mean gradient as
/// the direction of a step, computes the movement of the features along it (see
/// `featureMovement`), and chooses the rate at which a step moves them by `reach`.
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

  /// The number of steps of the head alone before the first gradient.
  static let headSteps = 24
  /// The number of batches whose gradients form a direction.
  static let directionBatches = 6
  /// The number of steps after which an adapter with a factor of zeros is measured again.
  static let growthSteps = 16
  /// The rate of these steps as a fraction of the first estimate.
  static let growthShare = 0.1
  /// The number of examples on which the movement is measured.
  static let exampleCount = 16
  /// The number of these examples whose activations are in memory at once.
  static let examplesAtOnce = 4

  /// Estimates the rate for what trains in `model` outside the head.
  ///
  /// First the head alone is trained for a few steps. Adapters such as LoRA, one factor of which is
  /// initialised to zeros, move the model by their other factor only once they have grown; they
  /// are trained for a few steps at a low rate and measured again.
  ///
  /// - Returns: nil if nothing outside the head trains or moves, or if it was stopped. The model is
  ///   bit for bit as before.
  public static func measured(
    of model: TransformerModel, on data: EncodedDataset, settings: TrainingSettings,
    shouldStop: () -> Bool = { false }
  ) throws -> RateEstimate? {
    let entries = model.parameters
    let snapshot = ParameterSnapshot(of: entries)
    defer { snapshot.restore() }
    var settings = settings
    settings.usesDropout = false
    settings.recomputesLayers = false
    settings.decay = .constant
    func train(steps: Int, rate: Double) throws -> Bool {
      settings.length = .steps(steps)
      settings.learningRate = rate
      var loop = TrainingLoop(model, on: data, settings: settings)
      while loop.step < steps {
        guard !shouldStop() else { return false }
        _ = try loop.take(loop.nextBatch())
      }
      try model.readAgain()
      return true
    }
    let source = BatchSource(data: data, settings: settings)
    func measure() -> RateEstimate? {
      let gradients = GradientSums(of: entries, in: model, settings: settings)
      for number in 0..<directionBatches {
        guard !shouldStop() else { return nil }
        gradients.add(source[headSteps + number])
      }
      return RateEstimate(
        movement: model.featureMovement(
          along: gradients.directions,
          on: source.texts(exampleCount, atOnce: examplesAtOnce, from: headSteps),
          precision: settings.precision))
    }
    guard entries.contains(where: { $0.parameter.isTrainable && $0.kind != .head }) else {
      return nil
    }
    guard
      try HeadTraining(steps: headSteps).run(
        model, on: data, settings: settings, shouldStop: shouldStop)
    else { return nil }
    guard let first = measure() else { return nil }
    guard entries.contains(where: { $0.adapter?.part == .silent && $0.parameter.isTrainable })
    else { return first }
    guard try train(steps: growthSteps, rate: growthShare * first.rate) else { return nil }
    return measure()
  }
}

/// The sums of the gradients of everything that trains outside the head.
private final class GradientSums {
  private let model: TransformerModel
  private let settings: TrainingSettings
  private let trained: [ModelParameter]
  private let gradients: GradientAccumulator
  private var sums: [Parameter: Tensor] = [:]

  init(of entries: [ModelParameter], in model: TransformerModel, settings: TrainingSettings) {
    (self.model, self.settings) = (model, settings)
    trained = entries.filter { $0.parameter.isTrainable && $0.kind != .head }
    gradients = GradientAccumulator(precision: settings.precision)
  }

  /// Adds the gradients of a batch.
  func add(_ batch: Batch) {
    gradients.reset()
    let tape = Tape(precision: settings.precision)
    let loss = model.loss(
      batch.texts, batch.targets, labelSmoothing: settings.labelSmoothing, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    for parameter in trained.map(\.parameter) {
      guard let gradient = gradients.trainableGradient(of: parameter) else { continue }
      sums[parameter, default: Tensor(zeros: gradient.shape)].add(gradient, scaledBy: 1)
    }
  }

  /// The signs of the sums times the factors of the learning rates, in the shapes of the
  /// parameters; 0 for elements that do not train.
  var directions: [Parameter: Tensor] {
    Dictionary(
      uniqueKeysWithValues: trained.compactMap { entry in
        let (parameter, factor) = (entry.parameter, Float(settings.rateFactor(of: entry)))
        guard var signs = sums[parameter] else { return nil }
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
