import Foundation
import PEFTModels
import PEFTTensor

/// A small BERT with random weights and a vocabulary of the words of given texts,
/// as a model directory.
public enum SmallModel {
  /// Writes `config.json`, `vocab.txt` and `model.safetensors` into `directory`.
  public static func write(to directory: String, texts: [String]) throws {
    let words = Set(texts.flatMap { $0.split(whereSeparator: \.isWhitespace).map(String.init) })
    let characters = Set(words.joined()).sorted().map(String.init)
    let specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    let vocabulary =
      specials + characters + characters.map { "##" + $0 }
      + words.filter { $0.count > 1 }.sorted()
    let configuration = EncoderConfiguration(
      family: .bert, vocabularySize: vocabulary.count, hiddenSize: 128, layerCount: 2,
      headCount: 4, intermediateSize: 512, positionCount: 128, tokenTypeCount: 2, epsilon: 1e-12,
      activation: .gelu, hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil,
      paddingID: 0, initializerRange: 0.02, labelNames: nil)
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
