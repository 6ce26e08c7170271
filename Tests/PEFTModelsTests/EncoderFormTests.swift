import PEFTModels
import PEFTTensor
import Testing

/// What is DistilBERT's or ELECTRA's alone.
@Suite("Forms of encoders")
struct EncoderFormTests {
  @Test("a published ELECTRA's head that finds replaced tokens is left out")
  func discriminator() throws {
    let generator = SeededGenerator(seed: 1, purpose: "head")
    let directory = ParityFixture.root + "/electra-discriminator"
    let found = [
      "discriminator_predictions.dense.bias", "discriminator_predictions.dense.weight",
      "discriminator_predictions.dense_prediction.bias",
      "discriminator_predictions.dense_prediction.weight",
    ]
    let classifier = try TransformerModel.load(
      directory: directory, output: .classes(3, pooling: .first), using: generator)
    #expect(classifier.report.unused.sorted() == found)
    #expect(
      classifier.report.newlyInitialized == [
        "classifier.dense.weight", "classifier.dense.bias", "classifier.out_proj.weight",
        "classifier.out_proj.bias",
      ])
    let masked = try TransformerModel.load(
      directory: directory, output: .vocabulary, using: generator)
    #expect(masked.report.unused.sorted() == found)
    #expect(masked.report.newlyInitialized.count == 5)
    #expect(masked.model.tiedNames.keys.sorted() == ["generator_lm_head.weight"])
  }

  @Test("a DistilBERT's classifier has dropout before its output alone, of its own probability")
  func dropout() throws {
    let fixture = try ParityFixture("distilbert")
    var parts = try #require(
      ModelConfiguration(directory: fixture.directory).architecture as? EncoderConfiguration)
    parts.classifierDropout = 0.5
    let width = parts.hiddenSize
    let model = TransformerModel(
      configuration: .encoder(parts), output: .classes(width, pooling: .first))
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "weights"))
    for parameter in model.taskParameters where parameter.name == "classifier.weight" {
      var identity = [Float](repeating: 0, count: width * width)
      for index in 0..<width { identity[index * width + index] = 1 }
      parameter.value = Tensor(identity, shape: [width, width])
    }
    let plain = model.logits(fixture.batch, on: Tape()).value.elements
    let dropped = model.logits(
      fixture.batch, on: Tape(dropout: SeededGenerator(seed: 2, purpose: "dropout"))
    ).value.elements
    #expect(plain.allSatisfy { $0 >= 0 } && plain.contains { $0 > 0 })
    let kept = zip(plain, dropped).filter { $0.0 > 0 && $0.1 != 0 }
    #expect(kept.allSatisfy { abs($0.1 - 2 * $0.0) <= 1e-6 * $0.1 })
    #expect(kept.count > 5 && kept.count < plain.filter { $0 > 0 }.count)
  }
}
