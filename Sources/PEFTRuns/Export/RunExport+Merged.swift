import Foundation
import PEFTModels
import PEFTTensor

extension RunExport {
  /// The files of a model directory other than weights and configuration.
  static let companions = ModelFiles.tokenizerNames + [ModelFiles.generationName]

  /// Writes the merged weights, the tokenizer's files, and finally `config.json`.
  func writeMerged(to output: OutputDirectory) throws(FileError) -> [String] {
    let model = trained.model
    model.mergeAdapters()
    try output.claim(["model.safetensors"])
    try model.writeWeights(to: output.path, includingHead: true)
    var names = ["model.safetensors"]
    for name in Self.companions {
      guard let bytes = try files.bytes(name) else { continue }
      try AtomicFile.write(bytes, to: output.file(name))
      names.append(name)
    }
    try JSONFile.write(try configuration(), to: output.file("config.json"))
    return names + ["config.json"]
  }

  /// The base's `config.json`, updated with the architecture, the labels and the format of the
  /// weights.
  private func configuration() throws(FileError) -> JSONValue {
    let path = files.path(ModelFiles.configurationName)
    guard var document = try files.document(ModelFiles.configurationName)?.object else {
      throw FileError(.malformed, path: path, reason: "not a JSON object")
    }
    let naming = trained.model.configuration.naming
    document["architectures"] = .array([
      .string(naming.className(for: trained.model.output))
    ])
    if let classes = manifest.task.classes {
      set(classes.names, in: &document)
    } else if trained.model.output.classCount != nil {
      set(["LABEL_0"], in: &document)
    }
    if let problem = manifest.task.problemType { document["problem_type"] = .string(problem) }
    if trained.model.configuration.isCausal, !manifest.task.isLanguage,
      document["pad_token_id"] ?? .null == .null
    {
      // In a padded batch, transformers looks for the last token that differs from this id.
      let ends = document["eos_token_id"]
      document["pad_token_id"] = ends?.array?.first ?? ends
    }
    for key in ["torch_dtype", "dtype"] where document[key] != nil {
      document[key] = .string("float32")
    }
    return .object(document)
  }

  private func set(_ labels: [String], in document: inout JSONObject) {
    var (names, numbers) = (JSONObject(), JSONObject())
    for (index, label) in labels.enumerated() {
      names["\(index)"] = .string(label)
      numbers[label] = .integer(index)
    }
    document["id2label"] = .object(names)
    document["label2id"] = .object(numbers)
  }
}
