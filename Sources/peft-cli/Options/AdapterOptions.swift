import ArgumentParser
import PEFTData
import PEFTRuns
import PEFTTensor

/// The location of the weights to which a run or an adapter belongs.
struct AdapterOptions: ParsableArguments {
  @Option(
    name: .customLong("model"),
    help: "Directory of a run's base model, if it has moved since the training.",
    completion: .directory)
  var base: String?

  @Option(
    help:
      "Hugging Face PEFT adapter (LoRA, DoRA, IA3, VeRA, RandLoRA, HRA, C3A, AdaLoRA), or file of LoRA deltas, to apply to the model given.",
    completion: .directory)
  var adapter: String?

  @Option(help: "Alpha of --adapter; needed if its directory has no adapter_config.json.")
  var adapterAlpha: Double?

  func validate() throws {
    if adapterAlpha != nil, adapter == nil {
      throw ValidationError("--adapter-alpha: it goes with --adapter")
    }
    if base != nil, adapter != nil {
      throw ValidationError(
        "--model and --adapter exclude each other: an adapter's model is given alone")
    }
  }

  /// Opens the run or model, with the adapter if there is one.
  func open(_ directory: String, as kind: TaskKind = .auto) throws(FileError) -> TrainedModel {
    guard let adapter else { return try TrainedModel.open(directory, base: base, as: kind) }
    return try TrainedModel.open(adapter: adapter, base: directory, alpha: adapterAlpha)
  }
}
