import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor
import Testing

/// A small random language model with the results of an independent implementation.
struct LanguageFixture {
  private let isTagger: Bool
  let directory: String
  let batch: PackedBatch
  let targets: Targets
  let expected: SafetensorsReader

  /// Predicts every token of each sequence but the first; in masked models, the rows in the file.
  init(_ name: String, predictingFrom start: (Int) -> Int = { _ in 1 }) throws {
    directory = ParityFixture.root + "/" + name
    isTagger = name.hasSuffix("-tags")
    let inputs = try JSONValue(parsing: FileContents.read(directory + "/inputs.json"))
    let rows = try #require(inputs["sequences"]?.array)
    let sequences = rows.map { $0.array?.compactMap(\.integer).map(Int32.init) ?? [] }
    if let chosen = inputs["rows"]?.array?.compactMap(\.integer),
      let labels = inputs["labels"]?.array?.compactMap(\.integer).map(Int32.init)
    {
      let partition = RowPartition(lengths: sequences.map(\.count))
      let members = sequences.indices.map { example in
        chosen.indices.filter { partition[example].contains(chosen[$0]) }
      }
      batch = PackedBatch(
        sequences: sequences,
        predicted: members.enumerated().map { example, members in
          members.map { chosen[$0] - partition[example].lowerBound }
        })
      let labels = members.map { $0.map { labels[$0] } }
      targets =
        isTagger ? .classes(ofRows: labels.map { $0.map { Int($0) } }) : .tokens(labels)
    } else {
      batch = PackedBatch(
        sequences: sequences, predicted: sequences.map { Array(start($0.count) - 1..<$0.count - 1) }
      )
      targets = .tokens(sequences.map { Array($0[start($0.count)...]) })
    }
    expected = try SafetensorsReader(path: directory + "/expected.safetensors")
  }

  func model(_ output: ModelOutput? = nil) throws -> TransformerModel {
    let (model, report) = try TransformerModel.load(
      directory: directory, output: output ?? (isTagger ? .tokenClasses(4) : .vocabulary),
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.newlyInitialized.isEmpty)
    return model
  }

  func tensor(_ name: String) throws -> Tensor {
    let entry = try #require(expected.entry(name), "no tensor \(name) in \(directory)")
    return Tensor(try expected.floats(of: name), shape: Shape(entry.shape))
  }

  var gradientNames: Set<String> {
    Set(expected.tensorNames.filter { $0.hasPrefix("gradient.") }.map { String($0.dropFirst(9)) })
  }

  func loss(
    _ model: TransformerModel, into gradients: GradientAccumulator, smoothing: Double = 0
  ) -> Loss {
    gradients.reset()
    let tape = Tape()
    let loss = model.loss(
      batch, targets, shape: LossShape(labelSmoothing: smoothing), on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    return loss
  }
}

@Suite("Parity of language models with transformers and peft")
struct LanguageParityTests {
  private static let tolerance = ParityTests.tolerance

  /// The logits of every row, whichever rows are predicted.
  private func allLogits(_ model: TransformerModel, _ batch: PackedBatch) -> Tensor {
    let sequences = (0..<batch.exampleCount).map { Array(batch.ids[batch.partition[$0]]) }
    return model.logits(PackedBatch(sequences: sequences), on: Tape()).value
  }

  private func check(_ fixture: LanguageFixture, _ model: TransformerModel) throws {
    let gradients = GradientAccumulator()
    let loss = fixture.loss(model, into: gradients)
    let expectedLoss = Double(try fixture.tensor("loss").scalar)
    #expect(abs(loss.mean - expectedLoss) < Self.tolerance * expectedLoss)
    let trained = model.trainableParameters
    #expect(Set(trained.map(\.name)) == fixture.gradientNames)
    for parameter in trained {
      let found = try #require(gradients[parameter], "\(parameter.name) got no gradient")
      let gradient = parameter.isTransposedInFiles ? found.transposed : found
      let expected = try fixture.tensor("gradient." + parameter.name)
      // The gradient of a key's bias is zero up to rounding.
      if let queries = parameter.name.queryBiasBesideKeyBias {
        let scale = try fixture.tensor("gradient." + queries).sumOfSquares.squareRoot()
        #expect(gradient.sumOfSquares.squareRoot() < Self.tolerance * scale)
      } else {
        let error = gradient.relativeError(to: expected)
        #expect(error < Self.tolerance, "gradient of \(parameter.name) differs by \(error)")
      }
    }
    var optimizer = AdamW(parameters: trained, settings: AdamW.Settings(decayScope: .all))
    let losses = try fixture.expected.floats(of: "losses")
    #expect(losses.count == 10)
    for (step, expected) in losses.enumerated() {
      let loss = fixture.loss(model, into: gradients)
      #expect(
        abs(loss.mean - Double(expected)) < ParityTests.trainedTolerance * Double(expected),
        "step \(step): loss \(loss.mean), expected \(expected)")
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
  }

  @Test(
    "causal models: logits, loss, every gradient and ten steps",
    arguments: [
      "gpt2", "gpt2-bitfit", "llama", "llama-tied", "mistral", "qwen2", "qwen3",
    ])
  func causal(name: String) throws {
    let fixture = try LanguageFixture(name)
    let model = try fixture.model()
    let logits = allLogits(model, fixture.batch)
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < Self.tolerance)
    let method = name.hasSuffix("bitfit") ? "bitfit" : "full"
    try #require(MethodCatalogue.standard.method(named: method))
      .attach(to: model, using: SeededGenerator(seed: 1, purpose: "unused"))
    try check(fixture, model)
  }

  @Test(
    "token classifiers: logits, loss, every gradient and ten steps",
    arguments: [
      "bert-tags", "roberta-tags", "mpnet-tags", "xlm-roberta-tags", "distilbert-tags",
      "electra-tags", "modernbert-tags", "albert-tags", "gpt2-tags", "llama-tags",
    ])
  func tokenClasses(name: String) throws {
    let fixture = try LanguageFixture(name)
    let model = try fixture.model()
    let logits = model(fixture.batch, on: Tape(dropout: nil)).value
    #expect(logits.shape == [12, 4])
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < Self.tolerance)
    FullTuning().attach(to: model, using: SeededGenerator(seed: 1, purpose: "unused"))
    try check(fixture, model)
  }

  @Test("recomputed layers give the same bits", arguments: ["gpt2", "llama", "qwen3"])
  func recomputes(name: String) throws {
    let fixture = try LanguageFixture(name)
    let model = try fixture.model()
    expectSameBitsRecomputing(model) {
      model.loss(fixture.batch, fixture.targets, on: $0).variable
    }
  }

  @Test("GPT-2: the loss of every token, of completions, and with smoothed labels")
  func losses() throws {
    let fixture = try LanguageFixture("gpt2")
    let model = try fixture.model()
    let gradients = GradientAccumulator()
    let terms = fixture.loss(model, into: gradients).terms
    let expected = try fixture.expected.floats(of: "tokenLosses")
    #expect(terms.count == expected.count)
    for (term, other) in zip(terms, expected) {
      #expect(abs(term - Double(other)) < 1e-5 * max(1, abs(term)))
    }
    let smoothed = fixture.loss(model, into: gradients, smoothing: 0.1)
    let smoothedLoss = Double(try fixture.tensor("smoothedLoss").scalar)
    #expect(abs(smoothed.mean - smoothedLoss) < Self.tolerance * smoothedLoss)
    let table = try #require(model.vocabulary?.table)
    let gradient = try #require(gradients[table])
    let name = "smoothedGradient.transformer.wte.weight"
    #expect(gradient.relativeError(to: try fixture.tensor(name)) < Self.tolerance)

    let completions = try LanguageFixture("gpt2") { max(1, ($0 + 1) / 2) }
    let loss = completions.loss(model, into: gradients)
    let completionLoss = Double(try fixture.tensor("completionLoss").scalar)
    #expect(abs(loss.mean - completionLoss) < Self.tolerance * completionLoss)
  }

  @Test(
    "masked models: logits, loss, every gradient and ten steps",
    arguments: [
      "bert", "roberta", "mpnet", "xlm-roberta", "camembert", "distilbert", "electra",
      "modernbert", "albert",
    ])
  func masked(family: String) throws {
    let fixture = try LanguageFixture(family + "-mlm")
    let model = try fixture.model()
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < Self.tolerance)
    try check(fixture, model)
  }

  @Test(
    "causal models as classifiers read the last token",
    arguments: ["gpt2-classifier", "llama-classifier"])
  func classifier(name: String) throws {
    let fixture = try ParityFixture(name)
    let (model, report) = try TransformerModel.load(
      directory: fixture.directory, output: .classes(3, pooling: .last),
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.newlyInitialized.isEmpty)
    #expect(model.configuration.usualPooling == .last)
    let logits = model.logits(fixture.batch, on: Tape()).value
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < Self.tolerance)
    let gradients = GradientAccumulator()
    let loss = fixture.loss(model, into: gradients)
    let expectedLoss = Double(try fixture.tensor("loss").scalar)
    #expect(abs(loss.mean - expectedLoss) < Self.tolerance * expectedLoss)
    #expect(Set(model.trainableParameters.map(\.name)) == fixture.gradientNames)
    for parameter in model.trainableParameters {
      let found = try #require(gradients[parameter])
      let gradient = parameter.isTransposedInFiles ? found.transposed : found
      let expected = try fixture.tensor("gradient." + parameter.name)
      #expect(gradient.relativeError(to: expected) < Self.tolerance, "\(parameter.name)")
    }
    var optimizer = AdamW(
      parameters: model.trainableParameters, settings: AdamW.Settings(decayScope: .all))
    for expected in try fixture.expected.floats(of: "losses") {
      let loss = fixture.loss(model, into: gradients)
      #expect(abs(loss.mean - Double(expected)) < ParityTests.trainedTolerance * Double(expected))
      optimizer.step(gradients: gradients, learningRate: 1e-3, gradientScale: 1)
    }
  }

  @Test(
    "bare names and stored buffers; another width, epsilon and activation, or scaled frequencies",
    arguments: [
      ("gpt2-bare", ["h.0.attn.bias", "h.1.attn.bias"]),
      ("llama-scaled", ["layers.0.self_attn.rotary_emb.inv_freq"]),
    ])
  func bare(name: String, buffers: [String]) throws {
    let fixture = try LanguageFixture(name)
    let (model, report) = try TransformerModel.load(
      directory: fixture.directory, output: .vocabulary,
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.unused.sorted() == buffers)
    let hidden = model.hidden(fixture.batch, on: Tape()).value
    #expect(hidden.relativeError(to: try fixture.tensor("hidden")) < Self.tolerance)
    let logits = allLogits(model, fixture.batch)
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < Self.tolerance)
  }

  private static let lowRank = LowRankAdaptation(rank: 4, alpha: 8, targets: ["c_attn", "c_fc"])

  @Test(
    "adapters: PEFT's train and merge to the same numbers, on the same layers",
    arguments: [
      ("gpt2-lora", lowRank), ("gpt2-ia3", VectorScaling()),
      ("gpt2-dora", WeightDecomposedAdaptation(lowRank)),
      ("llama-lora", LowRankAdaptation(rank: 4, alpha: 8)),
    ] as [(String, any AdaptationMethod)])
  func adapters(name: String, method: any AdaptationMethod) throws {
    let fixture = try LanguageFixture(name)
    let model = try fixture.model()
    method.attach(to: model, using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(Set(model.trainableParameters.map(\.name)) == fixture.gradientNames)
    try AdapterFile.attach(fixture.directory + "/adapter", to: model)
    let logits = allLogits(model, fixture.batch)
    #expect(logits.relativeError(to: try fixture.tensor("logits")) < Self.tolerance)
    try check(fixture, model)

    try AdapterFile.attach(fixture.directory + "/adapter", to: model)
    model.mergeAdapters()
    let merged = allLogits(model, fixture.batch)
    #expect(merged.relativeError(to: try fixture.tensor("mergedLogits")) < Self.tolerance)
  }

  @Test("a Llama has the output layer that its configuration specifies")
  func outputLayers() throws {
    let own = try LanguageFixture("llama").model()
    let entry = try #require(own.parameters.last)
    #expect(entry.parameter.name == "lm_head.weight" && entry.place == "output")
    #expect(entry.stage == own.stageCount - 1 && own.tiedNames.isEmpty)
    #expect(own.vocabulary?.table == entry.parameter)
    let tied = try LanguageFixture("llama-tied").model()
    #expect(tied.tiedNames["lm_head.weight"]?.name == "model.embed_tokens.weight")
    #expect(!tied.parameters.contains { $0.parameter.name == "lm_head.weight" })
    let (classifier, report) = try TransformerModel.load(
      directory: ParityFixture.root + "/llama", output: .classes(2, pooling: .last),
      using: SeededGenerator(seed: 1, purpose: "head"))
    #expect(report.unused == ["lm_head.weight"] && report.newlyInitialized == ["score.weight"])
    #expect(classifier.parameters.last?.kind == .head)
  }

  @Test("a GPT-2's output layer stored twice is the word table; a different one is refused")
  func ties() throws {
    let copy = try LanguageFixture("gpt2-tied-copy")
    let logits = allLogits(try copy.model(), copy.batch)
    #expect(logits.relativeError(to: try copy.tensor("logits")) < Self.tolerance)

    let untied = ParityFixture.root + "/gpt2-untied"
    let generator = SeededGenerator(seed: 1, purpose: "unused")
    let error = #expect(throws: FileError.self) {
      try TransformerModel.load(directory: untied, output: .vocabulary, using: generator)
    }
    #expect(error?.description.contains("tie_word_embeddings") == true)

    // The same weights with a configuration that claims that they are tied.
    let liar = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: liar) }
    try FileManager.default.copyItem(at: URL(filePath: untied), to: liar)
    let config = liar.appending(path: "config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    try text.replacing("\"tie_word_embeddings\": false", with: "\"tie_word_embeddings\": true")
      .write(to: config, atomically: true, encoding: .utf8)
    let differing = #expect(throws: FileError.self) {
      try TransformerModel.load(directory: liar.path, output: .vocabulary, using: generator)
    }
    #expect(differing?.place == "tensor lm_head.weight")
  }
}
