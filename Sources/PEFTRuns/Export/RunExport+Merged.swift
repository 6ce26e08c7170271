import Foundation
import PEFTData
import PEFTModels
import PEFTTensor

extension RunExport {
  /// The files of a model directory other than weights and configuration.
  static let companions =
    ModelFiles.tokenizerNames + [ModelFiles.generationName, ModelFiles.chatTemplateName]

  /// Writes the merged weights, the tokenizer's files, for embeddings those of
  /// sentence-transformers, and finally `config.json`.
  func writeMerged(to output: OutputDirectory) throws(FileError) -> [String] {
    let model = trained.model
    let padding = try paddingToken()
    let rows = max(model.configuration.vocabularySize, (padding?.id ?? -1) + 1)
    model.mergeAdapters()
    try output.claim(["model.safetensors"])
    try model.writeWeights(
      to: output.path, includingHead: true, wordRows: rows,
      others: manifest.task is any PairTask ? try unusedPooler() : [])
    var names = ["model.safetensors"] + (try writeCompanions(padding, to: output))
    if manifest.task is any PairTask {
      let settings = EmbeddingSettings(
        pooling: manifest.pooling, isNormalized: true, maximumLength: trained.maximumLength)
      names += try settings.write(to: output, width: model.configuration.hiddenSize)
    }
    try JSONFile.write(
      try configuration(padding: padding?.id, wordRows: rows), to: output.file("config.json"))
    return names + ["config.json"]
  }

  /// Writes the merged model as a graph of ONNX, the tokenizer's files and `config.json`.
  func writeGraph(to output: OutputDirectory) throws(FileError) -> [String] {
    let name = "model.onnx"
    trained.model.mergeAdapters()
    try trained.model.writeONNX(to: output.file(name))
    let companions = try writeCompanions(nil, to: output)
    try JSONFile.write(
      try configuration(padding: nil, wordRows: trained.model.configuration.vocabularySize),
      to: output.file("config.json"))
    return [name] + companions + ["config.json"]
  }

  /// Writes the base's files other than weights and configuration, with the padding token that a
  /// merged model adds, and returns their names.
  private func writeCompanions(
    _ padding: PaddingToken?, to output: OutputDirectory
  ) throws(FileError) -> [String] {
    var names: [String] = []
    for name in Self.companions {
      if let document = padding?.documents[name] {
        try JSONFile.write(document, to: output.file(name))
      } else if let bytes = try files.bytes(name) {
        try AtomicFile.write(bytes, to: output.file(name))
      } else {
        continue
      }
      names.append(name)
    }
    return names
  }

  /// The base's pooler, which embeddings do not use, and which transformers would miss.
  private func unusedPooler() throws(FileError) -> [SafetensorsOutput] {
    let (weights, naming) = (try files.weights, trained.model.configuration.naming)
    var outputs: [SafetensorsOutput] = []
    for name in weights.tensorNames where naming.bare(name).hasPrefix("pooler.") {
      let shape = weights.entry(name)?.shape ?? []
      let value = Tensor(try weights.floats(of: name), shape: Shape(shape))
      outputs.append(
        SafetensorsOutput(name: naming.prefix + naming.bare(name), shape: shape) {
          (body) throws(FileError) in try value.withUnsafeElements(body)
        })
    }
    return outputs
  }

  /// The token that pads the batches of a causal model's classifier; nil for other models, which
  /// need none.
  private func paddingToken() throws(FileError) -> PaddingToken? {
    guard trained.model.configuration.isCausal, case .classes = trained.model.output else {
      return nil
    }
    return try PaddingToken(in: files, vocabularySize: trained.tokenizer.vocabularySize)
  }

  /// The base's `config.json`, updated with the architecture, the labels, the padding token, the
  /// rows of the word table and the format of the weights.
  private func configuration(padding: Int?, wordRows: Int) throws(FileError) -> JSONValue {
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
    } else if case .classes = trained.model.output {
      set(["LABEL_0"], in: &document)
    }
    if let problem = manifest.task.problemType { document["problem_type"] = .string(problem) }
    document[MultiLabelClassification.thresholdsKey] =
      (manifest.task as? MultiLabelClassification).map {
        .array($0.thresholds.map { .number($0) })
      }
    document[Classification.temperatureKey] =
      (manifest.task as? Classification)?.temperature.map { .number($0) }
    if let padding { document[Self.paddingKey] = .integer(padding) }
    if wordRows > trained.model.configuration.vocabularySize {
      document["vocab_size"] = .integer(wordRows)
    }
    for key in ["torch_dtype", "dtype"] where document[key] != nil {
      document[key] = .string("float32")
    }
    return .object(document)
  }

  /// The key of `config.json` under which transformers looks for the padding token.
  private static let paddingKey = "pad_token_id"

  /// `sequence` up to the token that the classifier of an exported model reads in transformers: in
  /// a causal model the last one that is not the padding token of its `config.json`.
  func read(_ sequence: [Int32], by directory: String) throws(FileError) -> [Int32] {
    guard trained.model.configuration.isCausal, case .classes = trained.model.output else {
      return sequence
    }
    let document = try JSONValue(
      contentsOf: directory + "/" + ModelFiles.configurationName,
      limit: JSONValue.configurationLimit)
    let padding = document[Self.paddingKey]?.integer
    let last = sequence.lastIndex { Int($0) != padding } ?? 0
    return Array(sequence[...last])
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
