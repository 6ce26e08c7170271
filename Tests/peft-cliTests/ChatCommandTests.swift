import Foundation
import PEFTModels
import PEFTTensor
import PEFTText
import TestSupport
import Testing

/// Conversations, from what is learnt of them to answers.
@Suite("Conversations by command")
struct ChatCommandTests {
  private let directory: TemporaryDirectory
  private let model: String
  private let train: String

  init() throws {
    directory = try TemporaryDirectory()
    model = directory.path("model")
    let colours = ["sky": "blue", "grass": "green", "snow": "white"]
    let lines = (0..<24).map { number in
      let (thing, colour) = Array(colours.sorted { $0.key < $1.key })[number % 3]
      return
        #"{"messages":[{"role":"user","content":"the \#(thing)?"},{"role":"assistant","content":"\#(colour)"}]}"#
        + "\n"
    }
    train = try directory.write(lines.joined(), to: "train.jsonl")
    // The small tokenizer of the fixtures, which has the special tokens.
    let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "PEFTDataTests/Fixtures/chat/chatml").path
    try FileManager.default.copyItem(atPath: fixture, toPath: model)
    let configuration = LlamaConfiguration(
      family: .llama, vocabularySize: try Tokenizer.load(directory: model).vocabularySize,
      hiddenSize: 32, layerCount: 2, headCount: 4, keyValueHeadCount: 2, intermediateSize: 48,
      positionCount: 128, tiesOutput: true, endID: 0)
    try configuration.json.text().write(
      toFile: model + "/config.json", atomically: true, encoding: .utf8)
    let network = TransformerModel(configuration: .llama(configuration), output: .vocabulary)
    network.initializeWeights(using: SeededGenerator(seed: 1, purpose: "small model"))
    try network.writeWeights(to: model)
  }

  @Test("tokenize --mask shows what is learnt")
  func mask() throws {
    let result = try PEFTProcess.run("tokenize", model, train, "--mask")
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 24)
    let first = try JSONValue(parsing: lines[0].utf8)
    #expect(first["learnt"]?.array == [.string("green<|im_end|>")])
    #expect(first["ids"]?.array?.count == first["mask"]?.array?.count)
    let texts = try directory.write("{\"text\":\"a\"}\n", to: "texts.jsonl")
    #expect(try PEFTProcess.run("tokenize", model, texts, "--mask").status == 2)
  }

  @Test("answers are learnt and given, and evaluated as they were learnt")
  func learns() throws {
    let run = directory.path("run")
    let trained = try PEFTProcess.run(
      "train", "--model", model, "--train", train, "--dev", train, "--method", "full", "--steps",
      "60", "--batch-size", "6", "--accumulate", "2", "--learning-rate", "1e-2", "--output", run,
      "--json")
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("task chat"))
    let perplexity = try #require(try trained.document["metrics"]?["perplexity"]?.double)
    #expect(perplexity < 1.2)
    let answer = try PEFTProcess.run("generate", run, "--prompt", "the snow?")
    #expect(answer.status == 0 && answer.output.contains("white"), "\(answer.output)")
    #expect(!answer.output.contains("im_end"))
    let evaluated = try PEFTProcess.run("evaluate", run, "--data", train, "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let again = try #require(try evaluated.document["metrics"]?["perplexity"]?.double)
    #expect(abs(again - perplexity) < 1e-6 * perplexity)
  }
}
