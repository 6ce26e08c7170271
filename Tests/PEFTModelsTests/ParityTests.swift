import Foundation
import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Parity with transformers and peft")
struct ParityTests {
  /// Float32 sums of a few thousand terms in a different order differ by about 1e-6 of their norm.
  static let tolerance = 1e-5
  /// After ten steps, AdamW has amplified this difference, because its update divides.
  static let trainedTolerance = 1e-4

  @Test(
    "logits, loss, every gradient and ten steps",
    arguments: [
      ("bert", "full"), ("roberta", "full"), ("bert-regression", "full"), ("bert-labels", "full"),
      ("mpnet", "full"), ("xlm-roberta", "full"), ("camembert", "full"), ("distilbert", "full"),
      ("distilbert-odd", "full"), ("electra", "full"), ("electra-wide", "full"),
      ("modernbert", "full"), ("modernbert-odd", "full"),
      ("albert", "full"), ("albert-groups", "full"),
      ("bert-bitfit", "bitfit"), ("roberta-norm", "norm"), ("roberta-head", "head"),
    ])
  func trains(name: String, method: String) throws {
    let fixture = try ParityFixture(name)
    let model = try fixture.model()
    try #require(MethodCatalogue.standard.method(named: method))
      .attach(to: model, using: SeededGenerator(seed: 1, purpose: "unused"))
    try fixture.check(model, steps: true)
  }

  @Test(
    "logits, loss and every gradient with another activation",
    arguments: ["bert-gelu-tanh", "bert-relu", "roberta-silu"])
  func activations(name: String) throws {
    let fixture = try ParityFixture(name)
    try fixture.check(try fixture.model(), steps: false)
  }

  @Test(
    "padding tokens inside texts take the positions that transformers gives them",
    arguments: ["bert", "roberta", "mpnet", "xlm-roberta"])
  func padding(name: String) throws {
    let (fixture, padded) = (try ParityFixture(name), try ParityFixture(name + "-padding"))
    let logits = try fixture.model().logits(padded.batch, on: Tape()).value
    #expect(logits.relativeError(to: try padded.tensor("logits")) < Self.tolerance)
  }

  @Test(
    "a batch that layers compute in pieces",
    arguments: [
      ("bert", Pooling.first), ("roberta", .first), ("mpnet", .first), ("gpt2-classifier", .last),
      ("llama-classifier", .last), ("modernbert", .mean),
    ])
  func pieces(name: String, pooling: Pooling) throws {
    let fixture = try ParityFixture(name)
    let model = try fixture.model(pooling: pooling)
    let batch = fixture.batch
    let copies = 2 * TransformerModel.pieceTokens / batch.tokenCount + 1
    let many = batch.repeated(copies)
    let tape = Tape()
    for parameter in model.trainableParameters { parameter.trains = .none }
    let logits = model.logits(many, on: tape).value
    #expect(many.tokenCount > 2 * TransformerModel.pieceTokens && tape.operationCount == 0)
    let expected = try fixture.tensor("logits")
    for copy in 0..<copies {
      let rows = copy * batch.exampleCount..<(copy + 1) * batch.exampleCount
      #expect(logits.rows(rows).relativeError(to: expected) < Self.tolerance)
    }
  }

  @Test(
    "without recording, only a layer's input and output are in memory for the whole batch")
  func heldInPieces() async {
    // Tensor memory is counted for the whole process.
    await #expect(processExitsWith: .success) {
      for name in ["bert", "roberta", "gpt2-classifier", "llama-classifier"] {
        let fixture = try ParityFixture(name)
        let model = try fixture.model(pooling: name.hasSuffix("classifier") ? .last : .first)
        for parameter in model.trainableParameters { parameter.trains = .none }
        func peak(pieces: Int) -> (bytes: Int, tokens: Int) {
          let batch = fixture.batch.repeated(
            pieces * TransformerModel.pieceTokens / fixture.batch.tokenCount)
          let before = TensorMemory.current.bytesInUse
          TensorMemory.resetPeak()
          _ = model.logits(batch, on: Tape())
          return (TensorMemory.current.peakBytesInUse - before, batch.tokenCount)
        }
        let (few, many) = (peak(pieces: 4), peak(pieces: 8))
        let perToken = Double(many.bytes - few.bytes) / Double(many.tokens - few.tokens)
        #expect(perToken < 5 * 4 * Double(model.configuration.hiddenSize), "\(name): \(perToken)")
      }
    }
  }

  @Test(
    "recomputed layers give the same bits",
    arguments: ["bert", "roberta-norm", "mpnet", "electra", "modernbert", "albert"])
  func recomputes(name: String) throws {
    let fixture = try ParityFixture(name)
    let model = try fixture.model()
    expectSameBitsRecomputing(model) { model.logits(fixture.batch, on: $0) }
  }

  @Test("position biases that train alone get the gradient that they get among the others")
  func positionBiasesAlone() throws {
    let fixture = try ParityFixture("mpnet")
    let model = try fixture.model()
    let name = "mpnet.encoder.relative_attention_bias.weight"
    for entry in model.parameters {
      entry.parameter.trains = entry.parameter.name == name ? .all : .none
    }
    let biases = try #require(model.trainableParameters.first)
    let gradients = GradientAccumulator()
    _ = fixture.loss(model, into: gradients)
    let error = try #require(gradients[biases]).relativeError(
      to: try fixture.tensor("gradient." + name))
    #expect(error < Self.tolerance)
    #expect(biases.shape == [32, 3] && model.trainableParameters.count == 1)
    let entry = try #require(model.parameters.first { $0.parameter == biases })
    #expect(entry.kind == .embedding && entry.place == "encoder" && entry.stage == 1)
    #expect(entry.role == "relative_attention_bias.weight" && entry.layer == nil)
  }

  @Test("weights without prefix and head, and both poolings")
  func backbone() throws {
    let directory = ParityFixture.root + "/bert-backbone"
    let fixture = try ParityFixture("bert-backbone")
    for pooling in [Pooling.first, .mean] {
      let (model, report) = try TransformerModel.load(
        directory: directory, output: .classes(3, pooling: pooling),
        using: SeededGenerator(seed: 1, purpose: "head"))
      #expect(report.newlyInitialized == ["classifier.weight", "classifier.bias"])
      #expect(
        report.unused == (pooling == .first ? [] : ["pooler.dense.bias", "pooler.dense.weight"]))
      let tape = Tape()
      let hidden = model.hidden(fixture.batch, on: tape)
      #expect(hidden.value.relativeError(to: try fixture.tensor("hidden")) < Self.tolerance)
      let pooled = tape.pool(hidden, pooling)
      if pooling == .mean {
        #expect(pooled.value.relativeError(to: try fixture.tensor("mean")) < Self.tolerance)
      } else {
        let pooler = try #require(
          model.backboneLinearLayers.first { $0.name == "bert.pooler.dense" })
        let activated = tape.activation(pooler(pooled, on: tape), .tanh)
        #expect(activated.value.relativeError(to: try fixture.tensor("pooled")) < Self.tolerance)
      }
    }
  }

  @Test("weights in several files are the same weights")
  func sharded() throws {
    let fixture = try ParityFixture("bert")
    let whole = try fixture.model()
    let (model, _) = try TransformerModel.load(
      directory: ParityFixture.root + "/bert-sharded", output: .classes(3, pooling: .first),
      using: SeededGenerator(seed: 1, purpose: "unused"))
    for (mine, theirs) in zip(model.parameters, whole.parameters) {
      #expect(mine.parameter.value.isIdentical(to: theirs.parameter.value))
    }
  }

  @Test(
    "adapters: PEFT's train and merge to the same numbers, on the same layers",
    arguments: [
      ("bert-lora", LowRankAdaptation(rank: 4, alpha: 8)), ("bert-ia3", VectorScaling()),
      ("bert-dora", WeightDecomposedAdaptation(LowRankAdaptation(rank: 4, alpha: 8))),
      ("mpnet-lora", LowRankAdaptation(rank: 4, alpha: 8)),
      ("distilbert-lora", LowRankAdaptation(rank: 4, alpha: 8)),
      ("modernbert-lora", LowRankAdaptation(rank: 4, alpha: 8)),
      ("albert-lora", LowRankAdaptation(rank: 4, alpha: 8)),
    ] as [(String, any AdaptationMethod)])
  func adapters(name: String, method: any AdaptationMethod) throws {
    let fixture = try ParityFixture(name)
    let model = try fixture.model()
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(Set(model.trainableParameters.map(\.name)) == fixture.gradientNames)
    try AdapterFile.attach(fixture.directory + "/adapter", to: model)
    try fixture.check(model, steps: true)

    try AdapterFile.attach(fixture.directory + "/adapter", to: model)
    model.mergeAdapters()
    #expect(model.backboneLinearLayers.allSatisfy { $0.adapter == nil })
    let merged = model.logits(fixture.batch, on: Tape()).value
    #expect(merged.relativeError(to: try fixture.tensor("mergedLogits")) < Self.tolerance)
  }

  @Test("AdamW and SGD follow PyTorch's trajectories")
  func optimizers() throws {
    let file = try SafetensorsReader(path: ParityFixture.root + "/optimizers.safetensors")
    func rows(_ name: String) throws -> Tensor {
      Tensor(try file.floats(of: name), shape: Shape(try #require(file.entry(name)).shape))
    }
    let gradients = try rows("gradients")
    func follow(_ name: String, _ make: (Parameter) -> any Optimizer) throws {
      let parameter = Parameter(name: "p", value: try rows("start"))
      var optimizer = make(parameter)
      let sink = GradientAccumulator()
      let expected = try rows(name)
      for step in 0..<12 {
        sink.reset()
        let gradient = gradients.rows(step..<step + 1).reshaped(to: [37])
        sink.receive(.dense(gradient), of: parameter, partition: RowPartition(examples: 1))
        optimizer.step(gradients: sink, learningRate: 1e-2, gradientScale: 1)
        let error = parameter.value.relativeError(
          to: expected.rows(step..<step + 1).reshaped(to: [37]))
        #expect(error < 1e-6, "\(name), step \(step): \(error)")
      }
    }
    try follow("adamw") {
      AdamW(parameters: [$0], settings: AdamW.Settings(decayScope: .all))
    }
    try follow("sgd") { SGD(parameters: [$0], momentum: 0.9, weightDecay: 0.01) }
  }
}

/// Fails unless values, gradients and tangents are bit for bit the same when layers are recomputed.
func expectSameBitsRecomputing(_ model: TransformerModel, _ forward: (Tape) -> Variable) {
  var operations: [Int] = []
  let results = [false, true].map { recomputing in
    let tape = Tape(
      dropout: SeededGenerator(seed: 3, purpose: "dropout"), recomputingLayers: recomputing)
    let output = forward(tape)
    operations.append(tape.operationCount)
    let gradients = GradientAccumulator()
    let trained = model.trainableParameters
    let direction = Dictionary(uniqueKeysWithValues: trained.map { ($0, $0.value) })
    let tangent = tape.tangent(of: output, along: direction)
    tape.pullBack(
      Tensor(repeating: 0.5, shape: output.value.shape), from: output, to: gradients)
    return [output.value, tangent] + trained.compactMap { gradients[$0] }
  }
  #expect(operations[1] < operations[0], "layers were recorded: \(operations)")
  #expect(results[0].count == results[1].count && results[0].count > 4)
  for (kept, again) in zip(results[0], results[1]) { #expect(kept.isIdentical(to: again)) }
}

extension String {
  /// For the name of a key's bias, the name of the query's bias beside it; otherwise nil.
  var queryBiasBesideKeyBias: String? {
    if hasSuffix(".key.bias") { return dropLast("key.bias".count) + "query.bias" }
    if hasSuffix(".k_lin.bias") { return dropLast("k_lin.bias".count) + "q_lin.bias" }
    return hasSuffix(".attn.k.bias") ? dropLast("k.bias".count) + "q.bias" : nil
  }
}

extension PackedBatch {
  /// The batch repeated `copies` times.
  fileprivate func repeated(_ copies: Int) -> PackedBatch {
    func sequences(_ rows: [Int32]) -> [[Int32]] {
      (0..<exampleCount).map { Array(rows[partition[$0]]) }
    }
    func copied(_ rows: [Int32]) -> [[Int32]] {
      Array(repeatElement(sequences(rows), count: copies).joined())
    }
    return PackedBatch(sequences: copied(ids), typeIDs: copied(typeIDs))
  }
}
