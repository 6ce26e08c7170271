import PEFTTensor

/// The usage error for a command or an option that does not exist, with the nearest one that does.
struct Misspelling: Error, CustomStringConvertible {
  let description: String

  private init(_ description: String) { self.description = VisibleText.line(description) }

  /// The first command or option on a command line that does not exist; nil if all do.
  init?(in arguments: [String]) {
    guard let first = arguments.first else { return nil }
    let commands = CommandInterface.all
    if first == "help" {
      guard arguments.count > 1, !arguments[1].hasPrefix("-") else { return nil }
      self.init(command: arguments[1], of: commands)
    } else if first.hasPrefix("-") {
      guard !["-h", "--help", "--version"].contains(first) else { return nil }
      let hint =
        Self.nearest(first, ["--help", HelpText.all, "--version"]).map { "did you mean \($0)?" }
        ?? "name a command first, as in `peft adapt \(first)`"
      self.init("peft itself has no option \(first); \(hint)")
    } else if let command = commands.first(where: { $0.name == first }) {
      self.init(option: arguments.dropFirst(), of: command)
    } else {
      self.init(command: first, of: commands)
    }
  }

  private init?(command name: String, of commands: [CommandInterface]) {
    let names = commands.map(\.name) + ["help"]
    guard !names.contains(name) else { return nil }
    let meant = Self.commandSynonyms[name.lowercased()] ?? Self.nearest(name, names)
    self.init(
      "there is no command \"\(name)\"; "
        + (meant.map { "did you mean `peft \($0)`?" } ?? "`peft --help` lists the commands"))
  }

  private init?(option arguments: ArraySlice<String>, of command: CommandInterface) {
    guard !command.hasSubcommands else { return nil }
    var isValue = false
    for argument in arguments {
      if isValue {
        isValue = false
        continue
      }
      if argument == "--" { return nil }
      let name = String(argument.prefix { $0 != "=" })
      guard name.count > 1, name.hasPrefix("-") else { continue }
      if command.spellings.contains(name) {
        isValue = name == argument && command.takesValue(name)
        continue
      }
      let meant = Self.meant(by: name, of: command)
      self.init(
        "peft \(command.name) has no option \(name); "
          + (meant.map { "did you mean \($0)?" }
            ?? "`peft \(command.name) \(HelpText.all)` lists them"))
      return
    }
    return nil
  }

  /// The option that `name` may stand for; nil if none is near.
  private static func meant(by name: String, of command: CommandInterface) -> String? {
    let word = name.drop { $0 == "-" }.lowercased().replacing("_", with: "-")
    let known = command.spellings.filter { $0.hasPrefix("--") }
    if known.contains("--" + word) { return "--" + word }
    let synonyms = optionSynonyms[word] ?? []
    if let synonym = synonyms.map({ "--" + $0 }).first(where: known.contains) { return synonym }
    return nearest("--" + word, known.sorted())
  }

  /// The nearest of `names`, the first of several equally near; nil if none is near enough to be a
  /// typing error.
  private static func nearest(_ name: String, _ names: [String]) -> String? {
    CommandInterface.nearest(name, among: names)
  }

  /// What other programs call these commands.
  private static let commandSynonyms = [
    "search": "tune", "optimize": "tune", "sweep": "tune", "hpo": "tune", "finetune": "train",
    "fine-tune": "train", "fit": "train", "run": "adapt", "eval": "evaluate",
    "test": "evaluate", "score": "evaluate", "infer": "predict", "classify": "predict",
    "merge": "export", "save": "export", "info": "inspect", "show": "inspect", "bench": "doctor",
    "check": "doctor", "demo": "quickstart", "version": "--version",
  ]

  /// What other programs call these options; the first that a command has is meant.
  private static let optionSynonyms = [
    "lr": ["learning-rate"], "rate": ["learning-rate"], "wd": ["weight-decay"],
    "bs": ["batch-size"], "batch": ["batch-size"], "per-device-train-batch-size": ["batch-size"],
    "train-batch-size": ["batch-size"], "num-train-epochs": ["epochs"], "num-epochs": ["epochs"],
    "max-steps": ["steps"], "max-seq-length": ["max-length"], "max-seq-len": ["max-length"],
    "seq-len": ["max-length"], "max-new-tokens": ["max-tokens"], "r": ["rank"],
    "lora-r": ["rank"], "lora-rank": ["rank"], "lora-alpha": ["alpha"],
    "target-modules": ["targets"], "modules": ["targets"], "model-name-or-path": ["model"],
    "base-model": ["model"], "model-name": ["model"], "base": ["model"],
    "output-dir": ["output"], "out": ["output"], "o": ["output"], "train-file": ["train"],
    "train-data": ["train"], "data": ["data", "train"], "dataset": ["data", "train"],
    "input": ["data"], "file": ["data"], "validation": ["dev"], "validation-file": ["dev"],
    "val": ["dev"], "valid": ["dev"], "eval": ["dev"], "eval-file": ["dev"],
    "test-file": ["test"], "test-data": ["test", "data"], "threads": ["workers"],
    "num-threads": ["workers"], "jobs": ["workers"],
    "j": ["workers"], "cores": ["workers"], "lr-scheduler-type": ["schedule"],
    "scheduler": ["schedule"], "warmup-ratio": ["warmup"], "max-grad-norm": ["clip"],
    "dtype": ["precision"], "bf16": ["precision"], "force": ["overwrite"],
    "resume-from-checkpoint": ["resume"], "early-stopping-patience": ["patience"],
    "label-smoothing-factor": ["label-smoothing"], "gradient-checkpointing": ["recompute"],
    "eval-steps": ["evaluate-every"], "gradient-accumulation-steps": ["accumulate"],
    "gradient-accumulation": ["accumulate"], "grad-accumulation-steps": ["accumulate"],
    "accumulate-grad-batches": ["accumulate"],
  ]
}
