import PEFTModels
import PEFTNetwork
import PEFTTensor

/// Training steps of a model with a method, as a run takes them, without its files and schedule.
public struct MethodStep {
  /// A method whose choice needs gradients of training data.
  public struct NeedsGradients: Error, CustomStringConvertible {
    /// What to do about it.
    public let description: String
  }

  /// The parameters that the optimizer knows.
  public let parameters: [Parameter]
  /// Whether the optimizer takes a step after the gradients are computed.
  public var updates = true
  private let model: TransformerModel
  private let precision: Precision
  private let session: (any AdaptationSession)?
  private let gradients: GradientAccumulator
  private var optimizer: AdamW
  private var step = 0

  /// Attaches `method` to `model`.
  ///
  /// Throws `NeedsGradients` if the method chooses by gradients before the first step, and
  /// `MethodMisfit`.
  ///
  /// - Parameter steps: the number of steps of the run, over which some methods spread changes.
  public init(
    _ model: TransformerModel, method: any AdaptationMethod, steps: Int,
    precision: Precision = .fp32
  ) throws {
    (self.model, self.precision) = (model, precision)
    if let misfit = method.misfit(in: model) { throw misfit }
    guard method.gradientBatches == 0 else {
      throw NeedsGradients(
        description: "\(method.label) chooses by gradients; time it with a choice by random")
    }
    let generator = SeededGenerator(seed: 1, purpose: "adapters")
    method.attach(to: model, using: generator)
    method.choose(in: model, by: GradientAccumulator(), using: generator)
    session = method.session(on: model, steps: steps, using: generator) { _ in
      GradientAccumulator()
    }
    let candidates = Set(session?.candidates ?? [])
    parameters = model.parameters.map(\.parameter).filter {
      $0.isTrainable || candidates.contains($0)
    }
    optimizer = AdamW(
      parameters: parameters, correctsByAge: session?.correctsByAge ?? false)
    gradients = GradientAccumulator(precision: precision)
  }

  /// Takes the next step.
  ///
  /// - Parameter dropout: the generator of dropout's masks; nil for none.
  public mutating func take(
    _ texts: PackedBatch, _ targets: Targets, dropout: SeededGenerator? = nil
  ) throws {
    gradients.reset()
    let changed = try session?.prepare(step: step) ?? []
    changed.forEach { optimizer.change($0.parameter) }
    let tape = Tape(dropout: dropout?.split(step), precision: precision)
    let loss = model.loss(texts, targets, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    let adjusted = session?.adjust(gradients, step: step) ?? []
    adjusted.forEach { optimizer.change($0.parameter) }
    if updates {
      optimizer.step(gradients: gradients, learningRate: 1e-4, gradientScale: 1)
    }
    session?.finish(gradients, step: step)
    step += 1
  }
}
