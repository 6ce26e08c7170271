import PEFTModels
import PEFTTensor

/// A small BERT with random weights and a vocabulary of the words of given texts, as a model
/// directory: something to start from where no pretrained model is at hand.
public enum SmallModel {
  /// Words in the vocabulary besides special tokens and single characters.
  private static let wordCount = 8000

  /// Writes `config.json`, `vocab.txt` and `model.safetensors` into `directory`.
  public static func write(to directory: String, texts: [String]) throws(FileError) {
    let vocabulary = vocabulary(of: texts)
    let configuration = EncoderConfiguration(
      architecture: .bert, vocabularySize: vocabulary.count, hiddenSize: 128, layerCount: 2,
      headCount: 4, intermediateSize: 512, positionCount: 128, tokenTypeCount: 2, epsilon: 1e-12,
      activation: .gelu, hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil,
      paddingID: 0, initializerRange: 0.02, labelNames: nil)
    try Directory.create(directory)
    try AtomicFile.write(
      Array((vocabulary.joined(separator: "\n") + "\n").utf8), to: directory + "/vocab.txt")
    try JSONFile.write(
      .object([
        "architectures": .array([.string("BertModel")]), "model_type": .string("bert"),
        "vocab_size": .integer(vocabulary.count), "hidden_size": .integer(128),
        "num_hidden_layers": .integer(2), "num_attention_heads": .integer(4),
        "intermediate_size": .integer(512), "max_position_embeddings": .integer(128),
        "type_vocab_size": .integer(2), "layer_norm_eps": .number(1e-12),
        "hidden_act": .string("gelu"), "hidden_dropout_prob": .number(0.1),
        "attention_probs_dropout_prob": .number(0.1), "pad_token_id": .integer(0),
        "initializer_range": .number(0.02),
      ]), to: directory + "/config.json")
    let model = SequenceClassifier(configuration: configuration, pooling: .mean, outputCount: 2)
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "small model"))
    try writeWeights(of: model, to: directory)
  }

  /// Writes the weights of `model`, all but the task head's, as `model.safetensors` into `directory`.
  public static func writeWeights(
    of model: SequenceClassifier, to directory: String
  ) throws(FileError) {
    let tensors = model.parameters.filter { $0.kind != .head }.map { entry in
      let parameter = entry.parameter
      return SafetensorsOutput(name: parameter.name, shape: parameter.shape.extents) {
        (body) throws(FileError) in
        try parameter.value.withUnsafeElements(body)
      }
    }
    try SafetensorsWriter.write(
      tensors, metadata: ["format": "pt"], to: directory + "/model.safetensors")
  }

  /// Special tokens, every character alone and inside a word, and the most frequent words of at least
  /// two characters; ties by their bytes.
  static func vocabulary(of texts: [String]) -> [String] {
    var counts: [String: Int] = [:]
    for text in texts {
      for word in WordPieceWords.words(of: text) { counts[word, default: 0] += 1 }
    }
    let characters = Set(counts.keys.flatMap { $0.unicodeScalars.map { String(Character($0)) } })
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let words = counts.filter { $0.key.unicodeScalars.count > 1 }.sorted {
      $0.value != $1.value
        ? $0.value > $1.value : $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
    }
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + characters
      + characters.map { "##" + $0 } + words.prefix(wordCount).map(\.key)
  }
}
