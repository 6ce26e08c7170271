import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// The resources that a run will need, measured on small batches of its own data before it starts.
public struct TrainingForecast: Sendable {
  /// The number of steps.
  public let steps: Int
  /// The number of tokens in all steps.
  public let tokens: Int
  /// The number of tokens in the batches by which the method searches before the first step.
  public let searchTokens: Int
  /// The memory forecast.
  public let memory: MemoryForecast
  /// Tokens per second of the forward and backward passes; nil if not measured.
  public internal(set) var tokensPerSecond: Double?
  /// The time of one update of the trainable parameters in seconds; 0 if not measured.
  public internal(set) var updateSeconds = 0.0

  /// The time of training in seconds, with the method's search and without evaluations; nil if
  /// nothing was measured.
  public var seconds: Double? { seconds(findingRate: false) }

  /// The same, with what a search for the learning rate usually adds if there is one: a third of
  /// the time of all steps.
  public func seconds(findingRate findsRate: Bool) -> Double? {
    tokensPerSecond.map { rate in
      let steps = Double(tokens) / rate + Double(self.steps) * updateSeconds
      return Double(searchTokens) / rate + (findsRate ? steps * 4 / 3 : steps)
    }
  }
}

extension PreparedJob {
  /// Measures two small steps without an update. With `timing`, also measures whole steps and an
  /// update, if there is enough memory for them.
  public func forecast(timing: Bool) -> TrainingForecast {
    let settings = job.settings
    var memory = memoryForecast(
      of: "training", settings: settings, evaluates: true,
      remedy:
        "lower `batch-size` or `max-length` (`accumulate` makes one step of several batches), "
        + "recompute layers with `recompute`, or train fewer parameters, as with `method` lora")
    // A state has the values, both moments and the best values of what trains.
    if job.findsRate { memory[.rateSearch] = 5 * 4 * counts.trainable }
    let batches = epochBatches(data: train, settings: settings, epoch: 0)
    let steps = plannedSteps(data: train, settings: settings)
    let perEpoch = batches.joined().reduce(0) { $0 + train.lengths[$1] }
    let perBatch = Double(perEpoch) / Double(max(1, batches.count))
    var forecast = TrainingForecast(
      steps: steps, tokens: Int(saturating: perBatch * Double(steps)),
      searchTokens: Int(saturating: perBatch * Double(2 * job.method.searchRounds)),
      memory: memory)
    if timing, (try? memory.check()) != nil {
      let step = StepMeasurement(model: model, data: train, settings: settings)
      forecast.tokensPerSecond = step.tokensPerSecond(
        computedBatches(data: train, settings: settings, epoch: 0))
      forecast.updateSeconds = Double(counts.trainable) * secondsPerUpdate
    }
    return forecast
  }

  /// The time of an AdamW update per element, in seconds, measured on many elements.
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
