import ArgumentParser
import PEFTModels

/// What trains.
struct MethodOptions: ParsableArguments {
  @Option(help: "What to train: full, lora, bitfit, norm or head. The task head always trains.")
  var method = "full"

  @Option(help: "For lora: rank of the delta.")
  var rank = 8

  @Option(help: "For lora: alpha; the delta is scaled by alpha / rank. (default: 2 × rank)")
  var alpha: Double?

  @Option(help: "For lora: dropout on the input of the delta.")
  var loraDropout = 0.0

  @Option(
    help: """
      For lora: linear layers to adapt, separated by commas. (default: query,value, for GPT-2 \
      c_attn)
      """)
  var targets: String?

  func validate() throws {
    guard AdaptationMethods.names.contains(method) else {
      let names = AdaptationMethods.names.joined(separator: ", ")
      throw ValidationError("--method \(method): there are \(names)")
    }
    guard (1...1024).contains(rank) else {
      throw ValidationError("--rank \(rank): give a number from 1 to 1024")
    }
    guard alpha.map({ $0.isFinite && $0 > 0 }) != false else {
      throw ValidationError("--alpha: give a positive number")
    }
    guard (0..<1).contains(loraDropout) else {
      throw ValidationError("--lora-dropout \(loraDropout): give a number from 0 to below 1")
    }
    guard targets == nil || !targetNames.isEmpty else {
      throw ValidationError("--targets: name at least one layer, such as query")
    }
  }

  /// The method asked for.
  var adaptation: any AdaptationMethod {
    let lowRank = LowRankAdaptation(
      rank: rank, alpha: alpha, dropout: loraDropout, targets: targetNames)
    return AdaptationMethods.method(named: method, lowRank: lowRank) ?? FullTuning()
  }

  /// The learning rate that usually suits the method.
  var usualLearningRate: Double {
    Self.usualRate(of: method)
  }

  /// The learning rate that usually suits the method of this name.
  static func usualRate(of method: String) -> Double {
    switch method {
    case FullTuning.name: 5e-5
    case HeadTuning.name: 1e-3
    default: 5e-4
    }
  }

  private var targetNames: [String] { (targets ?? "").split(separator: ",").map(String.init) }
}
