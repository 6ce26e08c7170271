import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("Generation")
struct GenerationTests {
  static let directory = ParityFixture.root + "/gpt2-generation"
  static let end: Int32 = 0

  private struct Case {
    let name: String
    let prompt: [Int32]
    let settings: GenerationSettings
    let output: [Int32]
  }

  private static func cases(_ family: String = "gpt2") throws -> [Case] {
    let path = ParityFixture.root + "/\(family)-generation/generation.json"
    let document = try JSONValue(parsing: FileContents.read(path))
    return try #require(document.array).map { item in
      let options = item["settings"]
      var settings = GenerationSettings()
      settings.maximumNewTokens = try #require(options?["max_new_tokens"]?.integer)
      settings.blockedRepeat = options?["no_repeat_ngram_size"]?.integer
      if let width = options?["num_beams"]?.integer {
        settings.strategy = .beams(
          width: width, lengthPenalty: options?["length_penalty"]?.double ?? 1,
          stopsEarly: options?["early_stopping"]?.bool ?? false)
      }
      func ids(_ key: String) -> [Int32] {
        item[key]?.array?.compactMap(\.integer).map(Int32.init) ?? []
      }
      return Case(
        name: item["name"]?.string ?? "", prompt: ids("prompt"), settings: settings,
        output: ids("output"))
    }
  }

  private static func model(_ family: String = "gpt2") throws -> TransformerModel {
    try TransformerModel.load(
      directory: ParityFixture.root + "/\(family)-generation", output: .vocabulary,
      using: SeededGenerator(seed: 1, purpose: "unused")
    ).model
  }

  @Test("the smallest temperature samples the likeliest token")
  func coldest() {
    let probabilities = TokenChoice.probabilities(
      [1, 3, -2, 2.5], temperature: .leastNonzeroMagnitude, topK: nil, topP: nil)
    #expect(probabilities == [0, 1, 0, 0])
  }

  @Test(
    "greedy and beam outputs equal those of transformers, token by token",
    arguments: [("gpt2", 100), ("llama", 20), ("qwen3", 20)])
  func golden(family: String, count: Int) throws {
    let model = try Self.model(family)
    let cases = try Self.cases(family)
    #expect(cases.count > count)
    for item in cases {
      let found = try model.generate([item.prompt], settings: item.settings, end: Self.end)
      #expect(found == [item.output], "\(item.name)")
    }
  }

  @Test(
    "prompts in a batch are continued as they are alone",
    arguments: [("gpt2", 10), ("llama", 3), ("qwen3", 3)])
  func batches(family: String, count: Int) throws {
    let model = try Self.model(family)
    let cases = try Self.cases(family)
    let groups = Dictionary(grouping: cases, by: \.settings).filter { $0.value.count > 1 }
    #expect(groups.count > count)
    for (settings, members) in groups {
      for size in [2, 16] {
        var settings = settings
        settings.batchSize = size
        let found = try model.generate(members.map(\.prompt), settings: settings, end: Self.end)
        #expect(found == members.map(\.output))
      }
    }
  }

  @Test("every token of a text is reported as it is chosen")
  func streamed() throws {
    let model = try Self.model()
    var settings = GenerationSettings()
    settings.strategy = .sampling(temperature: 1.3, topK: 30, topP: 0.95)
    settings.maximumNewTokens = 12
    let prompts: [[Int32]] = [[5, 9], [77], [3, 3, 3, 40]]
    var told = prompts.map { _ in [Int32]() }
    let texts = try model.generate(prompts, settings: settings, end: Self.end) {
      told[$0].append($1)
    }
    #expect(texts == told)
    #expect(try model.generate(prompts, settings: settings, end: Self.end) == texts)
    settings.seed = 2
    #expect(try model.generate(prompts, settings: settings, end: Self.end) != texts)
  }

  @Test("the caches give the same logits as whole texts", arguments: ["gpt2", "llama", "qwen3"])
  func caches(family: String) throws {
    let model = try Self.model(family)
    var settings = GenerationSettings()
    settings.maximumNewTokens = 30
    let prompt: [Int32] = [50, 65, 119]
    let text = prompt + (try model.generate([prompt], settings: settings, end: nil)[0])
    #expect(text.count == 33)
    let logits = model.logits(PackedBatch(sequences: [text]), on: Tape()).value
    for position in 2..<text.count - 1 {
      let row = logits.rows(position..<position + 1).elements
      #expect(text[position + 1] == Int32(TokenChoice.largest(row)), "token \(position + 1)")
    }
  }

  @Test("temperature, top-k and top-p give the probabilities of transformers")
  func warpers() throws {
    let file = try SafetensorsReader(path: Self.directory + "/warpers.safetensors")
    func rows(_ name: String) throws -> [[Float]] {
      let width = try #require(file.entry(name)?.shape.last)
      let floats = try file.floats(of: name)
      return stride(from: 0, to: floats.count, by: width).map {
        Array(floats[$0..<$0 + width])
      }
    }
    let settings: [(String, String, Double, Int?, Double?)] = [
      ("temperature", "logits", 0.7, nil, nil), ("topK", "logits", 1, 10, nil),
      ("topP", "logits", 1, nil, 0.8), ("tiedTopK", "tiedLogits", 1, 10, nil),
    ]
    for (name, source, temperature, topK, topP) in settings {
      for (logits, expected) in zip(try rows(source), try rows(name)) {
        let found = TokenChoice.probabilities(
          logits, temperature: temperature, topK: topK, topP: topP)
        for (mine, theirs) in zip(found, expected) {
          #expect(abs(mine - Double(theirs)) < 1e-6, "\(name)")
          #expect((mine == 0) == (theirs == 0), "\(name)")
        }
      }
    }
    for (logits, expected) in zip(try rows("logits"), try rows("combined")) {
      let found = TokenChoice.probabilities(logits, temperature: 0.7, topK: 10, topP: 0.8)
      for (mine, theirs) in zip(found, expected) { #expect(abs(mine - Double(theirs)) < 1e-6) }
    }
  }

  @Test("empty prompts, prompts that fill the context and models that cannot generate are refused")
  func refusals() throws {
    let model = try Self.model()
    let settings = GenerationSettings()
    let empty = #expect(throws: GenerationError.self) {
      try model.generate([[1], []], settings: settings, end: nil)
    }
    #expect(empty?.prompt == 1)
    let long = #expect(throws: GenerationError.self) {
      try model.generate([Array(repeating: 1, count: 64)], settings: settings, end: nil)
    }
    #expect(long?.description.contains("64") == true)
    #expect(
      try model.generate([Array(repeating: 1, count: 63)], settings: settings, end: nil)[0].count
        == 1)
    let encoder = try ParityFixture("bert").model()
    #expect(throws: GenerationError.self) {
      try encoder.generate([[1]], settings: settings, end: nil)
    }
  }
}
