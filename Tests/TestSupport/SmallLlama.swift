import Foundation
import PEFTModels
import PEFTTensor
import PEFTText

/// A small model of the Llama family with random weights and a byte-level vocabulary, as a model
/// directory.
public enum SmallLlama {
  /// Writes `config.json`, the tokenizer's files and `model.safetensors` into `directory`.
  ///
  /// - Parameter tiesOutput: whether the output layer is the word table.
  public static func write(
    to directory: String, texts: [String], family: LlamaConfiguration.Family = .llama,
    tiesOutput: Bool
  ) throws {
    let vocabulary = try ByteLevelBPETrainer.train(
      texts: texts, vocabularySize: 300, specialTokens: SpecialTokenTemplate.gpt2.specialTokens)
    try vocabulary.write(to: directory, template: .gpt2)
    let configuration = LlamaConfiguration(
      family: family, vocabularySize: 300, hiddenSize: 32, layerCount: 2, headCount: 4,
      keyValueHeadCount: 2, intermediateSize: 48, positionCount: 64, tiesOutput: tiesOutput,
      endID: 0)
    try configuration.json.text().write(
      toFile: directory + "/config.json", atomically: true, encoding: .utf8)
    let model = TransformerModel(configuration: .llama(configuration), output: .vocabulary)
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "small model"))
    try model.writeWeights(to: directory)
  }
}
