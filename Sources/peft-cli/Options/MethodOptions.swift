import ArgumentParser
import PEFTModels
import PEFTTensor

/// The options for the adaptation method.
struct MethodOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What to train: \(MethodCatalogue.standard.names.joined(separator: ", ")). The task head \
      always trains. (default: \(Self.usual))
      """), completion: .list(MethodCatalogue.standard.names))
  var method: String?

  @Option(
    help:
      "For \(Self.methods(with: "rank")): rank of the delta, for adalora at the end. (default: 8; for vera 256, for randlora 32, for lorta 16)"
  )
  var rank: Int?

  @Option(
    help: """
      For \(Self.methods(with: "alpha")): alpha; the delta is scaled by alpha / rank, for \
      adalora the rank at the beginning. \
      (default: 2 × rank, for randlora 20 × rank, or 16 where it is divided by the root of the rank)
      """)
  var alpha: Double?

  @Option(
    help: "For \(Self.methods(with: "dropout")): dropout on the input of the delta. (default: 0)")
  var loraDropout: Double?

  @Option(
    help: """
      For \(Self.methods(with: "targets")): linear layers to adapt, separated by commas. \
      (default: those that Hugging Face PEFT adapts; for speft, rocoft, lora-xs, ether, ether+, \
      propulsion, hyperadapt, adalora and bipeft all, for hiwi the feed-forward ones, and for lorta those \
      of attention)
      """)
  var targets: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting of the method; repeat the option for several. \(Self.settingHelp)",
      valueName: "setting=value"))
  var settings: [String] = []

  private static let usual = "full"

  /// The first option that was given.
  var given: String? {
    let options: [(name: String, isGiven: Bool)] = [
      ("--method", method != nil), ("--rank", rank != nil), ("--alpha", alpha != nil),
      ("--lora-dropout", loraDropout != nil), ("--targets", targets != nil),
      ("--set", !settings.isEmpty),
    ]
    return options.first(where: \.isGiven)?.name
  }

  /// The names of the methods that have a setting.
  static func methods(with setting: String) -> String {
    MethodCatalogue.standard.offered.filter { type in
      type.settingHelp.contains { $0.name == setting }
    }.map { $0.name }.joined(separator: ", ")
  }

  /// The help on the settings of every method that has any.
  private static var settingHelp: String {
    MethodCatalogue.standard.offered.compactMap { type in
      let names = type.settingHelp.map(\.name).joined(separator: ", ")
      return names.isEmpty ? nil : "For \(type.name): \(names)."
    }.joined(separator: " ")
  }

  func validate() throws {
    guard alpha.map({ $0.isFinite && $0 > 0 }) != false else {
      throw ValidationError("--alpha: give a positive number")
    }
    guard targets.map({ $0.split(separator: ",").isEmpty }) != true else {
      throw ValidationError("--targets: name at least one layer, such as query")
    }
    _ = try made()
  }

  /// The requested method.
  var adaptation: any AdaptationMethod {
    get throws { try made() }
  }

  private func made() throws -> any AdaptationMethod {
    let method = method ?? Self.usual
    guard var made = MethodCatalogue.standard.method(named: method) else {
      let names = MethodCatalogue.standard.names.joined(separator: ", ")
      throw ValidationError("--method \(method): there are \(names)")
    }
    func set(_ option: String, _ name: String, _ value: JSONValue?) throws {
      guard let value else { return }
      do throws(MethodSettingError) { try made.set(name, value) } catch {
        throw ValidationError("\(option): \(error.description)")
      }
    }
    try set("--rank", "rank", rank.map { .integer($0) })
    try set("--alpha", "alpha", alpha.map { .number($0) })
    try set("--lora-dropout", "dropout", loraDropout.map { .number($0) })
    try set(
      "--targets", "targets",
      targets.map { .array($0.split(separator: ",").map { .string(String($0)) }) })
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw ValidationError("--set \(setting): write it as NAME=VALUE, such as rank=8")
      }
      do throws(MethodSettingError) {
        try made.set(String(parts[0]), text: String(parts[1]))
      } catch { throw ValidationError("--set \(parts[0]): \(error.description)") }
    }
    return made
  }
}
