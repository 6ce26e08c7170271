import ArgumentParser
import PEFTModels

/// How text is generated.
struct GenerationOptions: ParsableArguments {
  @Option(help: "Most tokens to write.")
  var maxNewTokens = 64

  @Option(help: "Draw tokens, from the softmax of logits / temperature, instead of the likeliest.")
  var temperature: Double?

  @Option(help: "Draw from so many of the likeliest tokens only.")
  var topK: Int?

  @Option(help: "Draw from the fewest likeliest tokens that make up this probability.")
  var topP: Double?

  @Option(help: "Beam search with so many hypotheses.")
  var beams: Int?

  @Option(help: "Beams: the log probability of a text is divided by its length to this power.")
  var lengthPenalty = 1.0

  @Flag(help: "Beams: end as soon as there are --beams finished texts.")
  var earlyStopping = false

  @Option(help: "No so many tokens in a row occur twice, in prompt and text together.")
  var noRepeatNgram: Int?

  @Option(help: "Prompts that are worked on together.")
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

  /// The settings asked for.
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
