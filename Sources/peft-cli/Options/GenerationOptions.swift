import ArgumentParser
import PEFTModels

/// The options for generating text.
struct GenerationOptions: ParsableArguments {
  @Option(help: "Maximum number of tokens to generate.")
  var maxNewTokens = 64

  @Option(
    help: "Sample from softmax(logits / temperature), instead of taking the most likely token.")
  var temperature: Double?

  @Option(help: "Sample from this many most likely tokens only.")
  var topK: Int?

  @Option(help: "Sample from the fewest most likely tokens whose probabilities reach this sum.")
  var topP: Double?

  @Option(help: "Use beam search with this many hypotheses.")
  var beams: Int?

  @Option(help: "For beams: divide the log probability of a text by its length to this power.")
  var lengthPenalty = 1.0

  @Flag(help: "For beams: stop as soon as --beams texts are finished.")
  var earlyStopping = false

  @Option(help: "Never repeat an n-gram of this length within prompt and output.")
  var noRepeatNgram: Int?

  @Option(help: "Prompts per batch.")
  var generationBatch = 16

  func validate() throws {
    func check(_ condition: Bool, _ message: String) throws {
      if !condition { throw ValidationError(message) }
    }
    try check(maxNewTokens > 0, "--max-new-tokens: give a positive number")
    try check(
      temperature.map { $0 > 0 && $0.isFinite } != false, "--temperature: give a positive number")
    try check(topK.map { $0 > 0 } != false, "--top-k: give a positive number")
    try check(topP.map { $0 > 0 && $0 <= 1 } != false, "--top-p: give a number above 0, at most 1")
    try check(beams.map { (1...64).contains($0) } != false, "--beams: give a number from 1 to 64")
    try check(lengthPenalty.isFinite, "--length-penalty: give a finite number")
    try check(noRepeatNgram.map { $0 > 0 } != false, "--no-repeat-ngram: give a positive number")
    try check((1...1024).contains(generationBatch), "--generation-batch: give 1 to 1024")
    try check(
      beams == nil || !isSampling, "--beams excludes --temperature, --top-k and --top-p")
  }

  private var isSampling: Bool { temperature != nil || topK != nil || topP != nil }

  /// The requested settings.
  func settings(seed: UInt64) -> GenerationSettings {
    var settings = GenerationSettings()
    settings.maximumNewTokens = maxNewTokens
    settings.blockedRepeat = noRepeatNgram
    settings.batchSize = generationBatch
    settings.seed = seed
    if let beams {
      settings.strategy = .beams(
        width: beams, lengthPenalty: lengthPenalty, stopsEarly: earlyStopping)
    } else if isSampling {
      settings.strategy = .sampling(temperature: temperature ?? 1, topK: topK, topP: topP)
    }
    return settings
  }
}
