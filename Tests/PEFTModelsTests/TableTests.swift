import PEFTModels
import PEFTNetwork
import PEFTTensor
import TestSupport
import Testing

@Suite("Lookup-only tables")
struct TableTests {
  private static let gpt2 = ModelConfiguration.gpt2(
    GPT2Configuration(
      vocabularySize: 300, hiddenSize: 8, layerCount: 1, headCount: 2, positionCount: 200,
      endID: nil))

  private func tables(_ model: TransformerModel) -> [String] {
    model.parameters.map(\.parameter).filter(\.isTable).map(\.name)
  }

  private func llama(tiesOutput: Bool) -> TransformerModel {
    TransformerModel(
      configuration: .llama(
        LlamaConfiguration(
          vocabularySize: 300, hiddenSize: 8, layerCount: 1, headCount: 2, intermediateSize: 12,
          positionCount: 16, tiesOutput: tiesOutput)),
      output: .vocabulary)
  }

  @Test("a word table that is also the output layer is not a lookup-only table")
  func tied() {
    let words = "transformer.wte.weight"
    let positions = "transformer.wpe.weight"
    #expect(
      tables(TransformerModel(configuration: Self.gpt2, output: .vocabulary)) == [positions])
    #expect(
      tables(TransformerModel(configuration: Self.gpt2, output: .classes(2, pooling: .last)))
        == [words, positions])
    #expect(tables(llama(tiesOutput: true)).isEmpty)
    #expect(tables(llama(tiesOutput: false)) == ["model.embed_tokens.weight"])
    let roberta = ModelConfiguration.encoder(
      .roberta(
        vocabularySize: 300, hiddenSize: 8, layerCount: 1, headCount: 2, context: 16, paddingID: 1))
    let embeddings = ["word", "position", "token_type"].map {
      "roberta.embeddings.\($0)_embeddings.weight"
    }
    #expect(
      tables(TransformerModel(configuration: roberta, output: .classes(2, pooling: .first)))
        == embeddings)
    #expect(
      tables(TransformerModel(configuration: roberta, output: .vocabulary))
        == Array(embeddings.dropFirst()))
  }

  @Test(
    "every row of a tied table has a gradient; a lookup-only table has gradients of the rows read")
  func gradients() throws {
    let model = TransformerModel(configuration: Self.gpt2, output: .vocabulary)
    model.initializeWeights(using: SeededGenerator(seed: 1, purpose: "weights"))
    let (words, positions) = (model.parameters[0].parameter, model.parameters[1].parameter)
    let tape = Tape()
    let batch = PackedBatch(sequences: [[5, 6, 7], [8, 9]], predicted: [[0, 2], [0]])
    let targets = Targets(
      .tokens([6, 4, 9]), partition: RowPartition(lengths: [2, 1]))
    let loss = model.loss(batch, targets, on: tape)
    let sink = GradientAccumulator()
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: sink)
    func rows(_ parameter: Parameter) throws -> [Int] {
      let gradient = try #require(sink[parameter])
      return (0..<parameter.shape.rows).filter { gradient.rows($0..<$0 + 1).sumOfSquares > 0 }
    }
    #expect(try rows(words) == Array(0..<300))
    #expect(!words.keepsOnlyReadRows(ofLookups: 5) && !words.hasStateOfReadRows)
    #expect(try rows(positions) == [0, 1, 2])
    #expect(positions.keepsOnlyReadRows(ofLookups: 5) && positions.hasStateOfReadRows)
  }
}
