import ArgumentParser
import PEFTModels

/// The options of a comparison of methods.
struct ComparisonOptions: ParsableArguments {
  @Option(
    help: "Seeds, separated by commas; each method is trained once with each. (default: --seed)")
  var seeds: String?

  @Option(
    help: """
      Learning rates to try for every method; the dev metric with the first seed decides. \
      (default: --learning-rate)
      """)
  var learningRates: String?

  @Option(
    help: """
      For \(MethodOptions.methods(with: "targets")): linear layers to adapt, separated by commas. \
      (default: those that Hugging Face PEFT adapts; for speft, rocoft and lora-xs all)
      """)
  var targets: String?

  /// The linear layers to adapt; empty for the usual ones.
  var targetNames: [String] { (targets ?? "").split(separator: ",").map(String.init) }

  func validate() throws {
    if let seeds,
      seeds.split(separator: ",").contains(where: { UInt64($0) == nil }) || seeds.isEmpty
    {
      throw ValidationError("--seeds \(seeds): give whole numbers, such as 1,2,3")
    }
    let asked = seedList(default: 0)
    if Set(asked).count < asked.count {
      throw ValidationError("--seeds \(seeds ?? ""): one of them occurs twice")
    }
    if let learningRates {
      let rates = learningRates.split(separator: ",").map { Double($0) ?? 0 }
      guard !rates.isEmpty, rates.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw ValidationError(
          "--learning-rates \(learningRates): give positive numbers, such as 1e-4,5e-4")
      }
      guard Set(rates).count == rates.count else {
        throw ValidationError("--learning-rates \(learningRates): one of them occurs twice")
      }
    }
    if targets != nil, targetNames.isEmpty {
      throw ValidationError("--targets: name at least one layer")
    }
  }

  /// Throws if a learning rate must be chosen without dev data to choose it by.
  func checkRates(_ training: TrainingOptions, hasDev: Bool) throws {
    if !hasDev, rates(training).count > 1 {
      throw ValidationError(
        "--learning-rates: name the --dev data that choose among them, or give one")
    }
  }

  /// The requested seeds.
  func seedList(default seed: UInt64) -> [UInt64] {
    seeds?.split(separator: ",").compactMap { UInt64($0) } ?? [seed]
  }

  /// The learning rates to choose from; empty if every run finds its own.
  func rates(_ training: TrainingOptions) -> [Double] {
    learningRates?.split(separator: ",").compactMap { Double($0) }
      ?? training.learningRate.rate.map { [$0] } ?? []
  }
}
