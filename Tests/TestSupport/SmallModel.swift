import Foundation
import PEFTModels
import PEFTTensor

/// A small BERT, or a model of another family of encoders, with random weights and a vocabulary of
/// the words of given texts, as a model directory.
public enum SmallModel {
  /// Writes `config.json`, `vocab.txt` and `model.safetensors` into `directory`.
  ///
  /// - Parameters:
  ///   - rows: the smallest number of rows of the word table, filled up with words that occur in no
  ///     text.
  ///   - hiddenSize: a multiple of the four heads.
  ///   - positionCount: the largest number of tokens of a text.
  public static func write(
    to directory: String, family: EncoderConfiguration.Family = .bert, texts: [String],
    rows: Int = 0, hiddenSize: Int = 128, layerCount: Int = 2, positionCount: Int = 128
  ) throws {
    let words = Set(texts.flatMap { $0.split(whereSeparator: \.isWhitespace).map(String.init) })
    let characters = Set(words.joined()).sorted().map(String.init)
    let isBERT = family == .bert
    let specials =
      isBERT
      ? ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
      : ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"]
    var vocabulary =
      specials + characters + characters.map { "##" + $0 }
      + words.filter { $0.count > 1 }.sorted()
    vocabulary += (vocabulary.count..<max(rows, vocabulary.count)).map { "[unused\($0)]" }
    let configuration = EncoderConfiguration(
      family: family, vocabularySize: vocabulary.count, hiddenSize: hiddenSize,
      layerCount: layerCount,
      headCount: 4, intermediateSize: 512, positionCount: positionCount,
      tokenTypeCount: isBERT ? 2 : 0,
      epsilon: 1e-12,
      activation: .gelu, hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil,
      paddingID: isBERT ? 0 : 1, initializerRange: 0.02, labelNames: nil)
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    try write(vocabulary.joined(separator: "\n") + "\n", to: directory + "/vocab.txt")
    try write(configuration.json.text(), to: directory + "/config.json")
    let model = TransformerModel(
      configuration: .encoder(configuration), output: .classes(2, pooling: .mean))
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "small model"))
    try model.writeWeights(to: directory)
  }

  private static func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }
}
