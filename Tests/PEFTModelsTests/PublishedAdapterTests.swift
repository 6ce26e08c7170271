import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import TestSupport
import Testing

@Suite(
  "A published LoRA adapter",
  .enabled(if: SharedData.has("roberta_base_lora_mnli/adapter.safetensors")))
struct PublishedAdapterTests {
  /// A model with the widths of RoBERTa-base, which the adapter needs, but with small tables and
  /// feed-forward blocks.
  private func model() -> TransformerModel {
    let configuration = EncoderConfiguration(
      family: .roberta, vocabularySize: 60, hiddenSize: 768, layerCount: 12, headCount: 12,
      intermediateSize: 32, positionCount: 20, tokenTypeCount: 1, epsilon: 1e-5, activation: .gelu,
      hiddenDropout: 0, attentionDropout: 0, classifierDropout: nil, paddingID: 1,
      initializerRange: 0.02, labelNames: nil)
    let model = TransformerModel(
      configuration: .encoder(configuration), output: .classes(3, pooling: .first))
    model.initializeWeights(using: SeededGenerator(seed: 3, purpose: "weights"))
    return model
  }

  private var path: String { SharedData.path("roberta_base_lora_mnli/adapter.safetensors") }

  @Test("loralib's names load, change the logits, and merge to the same logits")
  func merges() throws {
    let model = model()
    let batch = PackedBatch(sequences: [[0, 11, 12, 13, 2], [0, 20, 2]])
    let before = model.logits(batch, on: Tape()).value
    try AdapterFile.attach(path, to: model, alpha: 16)
    let layers = model.backboneLinearLayers.filter { $0.adapter != nil }
    #expect(layers.count == 24)
    #expect(
      layers.compactMap { $0.adapter as? LowRankAdapter }.filter {
        $0.scale == 2 && $0.down.shape == [8, 768]
      }.count == layers.count)
    let file = try SafetensorsReader(path: path)
    let head = try file.floats(of: "classifier.out_proj.weight")
    #expect(
      model.taskParameters.first { $0.name == "classifier.out_proj.weight" }?.value.elements == head
    )
    let attached = model.logits(batch, on: Tape()).value
    #expect(attached.relativeError(to: before) > 0.01)
    model.mergeAdapters()
    let merged = model.logits(batch, on: Tape()).value
    // Merging rounds W + s B A to Float32 once for each of 24 matrices with inner width 768.
    #expect(merged.relativeError(to: attached) < 1e-5)
  }

  @Test("a file without alpha, and a model of another width, are refused")
  func refuses() throws {
    let model = model()
    #expect(throws: FileError.self) { try AdapterFile.attach(path, to: model) }
    let narrow = TransformerModel(
      configuration: try ModelConfiguration(directory: ParityFixture.root + "/roberta"),
      output: .classes(3, pooling: .first))
    #expect(throws: FileError.self) { try AdapterFile.attach(path, to: narrow, alpha: 16) }
    #expect(narrow.backboneLinearLayers.allSatisfy { $0.adapter == nil })
  }
}
