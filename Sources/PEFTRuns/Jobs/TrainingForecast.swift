import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// What a run will need, measured on small batches of its own data before it starts.
public struct TrainingForecast: Sendable {
  /// Steps in all.
  public let steps: Int
  /// Tokens in all steps.
  public let tokens: Int
  /// The memory.
  public let memory: MemoryForecast
  /// Tokens a second of the forward and reverse passes; nil where it was not measured.
  public internal(set) var tokensPerSecond: Double?
  /// Seconds of one update of what trains; 0 where it was not measured.
  public internal(set) var updateSeconds = 0.0

  /// Seconds of training, without evaluations; nil where nothing was measured.
  public var seconds: Double? {
    tokensPerSecond.map { Double(tokens) / $0 + Double(steps) * updateSeconds }
  }
}

extension PreparedJob {
  /// Measures two small steps without an update. With `timing`, it also measures whole steps and an
  /// update, if there is the memory for them.
  public func forecast(timing: Bool) -> TrainingForecast {
    let settings = job.settings
    let memory = memoryForecast(
      of: "training", settings: settings, evaluates: true,
      remedy: "lower `batch-size` or `max-length`, recompute layers with `recompute`, or train "
        + "fewer parameters, as with `method` lora")
    let batches = epochBatches(data: train, settings: settings, epoch: 0)
    let steps = plannedSteps(data: train, settings: settings)
    let perEpoch = batches.joined().reduce(0) { $0 + train.lengths[$1] }
    let perBatch = Double(perEpoch) / Double(max(1, batches.count))
    var forecast = TrainingForecast(
      steps: steps, tokens: Int(saturating: perBatch * Double(steps)), memory: memory)
    if timing, (try? memory.check()) != nil {
      let step = StepMeasurement(model: model, data: train, settings: settings)
      forecast.tokensPerSecond = step.tokensPerSecond(batches)
      forecast.updateSeconds = Double(counts.trainable) * secondsPerUpdate
    }
    return forecast
  }

  /// The seconds of AdamW for one of many elements.
  private var secondsPerUpdate: Double {
    let count = 1 << 22
    let parameter = Parameter(name: "forecast", value: Tensor(zeros: [count]))
    let gradients = GradientAccumulator()
    gradients.receive(
      .dense(Tensor(repeating: 1, shape: [count])), of: parameter,
      partition: RowPartition(examples: 1))
    var optimizer = AdamW(parameters: [parameter])
    optimizer.step(gradients: gradients, learningRate: 0, gradientScale: 1)
    let start = ContinuousClock.now
    optimizer.step(gradients: gradients, learningRate: 0, gradientScale: 1)
    return (ContinuousClock.now - start) / .seconds(1) / Double(count)
  }
}
