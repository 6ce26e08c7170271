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
    try JSONFile.write(configuration.json, to: directory + "/config.json")
    let model = TransformerModel(
      configuration: .encoder(configuration), output: .classes(2, pooling: .mean))
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "small model"))
    try model.writeWeights(to: directory)
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
