import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Runs a GPT-2 through the binary: pretrained here on a rhyme, then adapted, probed and used to
/// generate text.
@Suite("Commands on language models", .serialized)
struct LanguageCommandTests {
  private static let things = ["cat", "dog", "cow", "hen"]
  private static let colours = ["red", "blue", "green", "black"]

  /// `thing: cat, colour: red||The cat is red.`
  private static func pairs(_ count: Int) -> String {
    (0..<count).map { index in
      let (thing, colour) = (things[index % 4], colours[index / 4 % 4])
      return "thing: \(thing), colour: \(colour)||The \(thing) is \(colour).\n"
    }.joined()
  }

  private struct Place: Sendable {
    let directory: TemporaryDirectory
    let model: String
    let pairs: String
    let text: String
  }

  /// A GPT-2 that knows the words of the data.
  private static let place = Result {
    let directory = try TemporaryDirectory()
    let pairs = try directory.write(Self.pairs(64), to: "pairs.txt")
    let rhyme = Self.pairs(16).replacing("||", with: ". ")
    let text = try directory.write(String(repeating: rhyme, count: 4), to: "text.txt")
    let model = directory.path("gpt2")
    let made = try PEFTProcess.run(
      "pretrain", "--target", "causal", "--train", text, "--vocabulary-size", "330",
      "--hidden-size", "32", "--layers", "2", "--heads", "2", "--context", "64", "--steps", "40",
      "--batch-tokens", "512", "--learning-rate", "5e-3", "--output", model, "--json")
    #expect(made.status == 0, "\(made.errors)")
    #expect(try made.document["parameters"]?.integer ?? 0 > 0)
    return Place(directory: directory, model: model, pairs: pairs, text: text)
  }

  private func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, directory) = try PEFTProcess.start(arguments)
    return try PEFTProcess.finish(process, directory)
  }

  @Test("train on completions, evaluate with generation, generate")
  func completions() throws {
    let place = try Self.place.get()
    let output = place.directory.path("run")
    let trained = try run([
      "train", "--model", place.model, "--train", place.pairs, "--dev", place.pairs, "--test",
      place.pairs, "--generate", "--method", "full", "--learning-rate", "5e-3", "--epochs", "60",
      "--batch-size", "8", "--no-dropout", "--output", output, "--json",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    let metrics = try #require(try trained.document["metrics"]?["test"])
    #expect(metrics["perplexity"]?.double ?? .infinity < 1.5)
    #expect(metrics["bleu"]?.double ?? 0 > 50)

    let evaluated = try run([
      "evaluate", output, "--data", place.pairs, "--generate", "--beams", "2", "--texts",
      place.directory.path("texts.jsonl"), "--json",
    ])
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    let found = try evaluated.document
    #expect(found["metrics"]?["loss"]?.double == metrics["loss"]?.double)
    #expect(found["signature"]?.string?.hasPrefix("nrefs:4|case:mixed") == true)
    let texts = try String(contentsOfFile: place.directory.path("texts.jsonl"), encoding: .utf8)
    #expect(texts.split(separator: "\n").count == 16)

    let prompts = try place.directory.write(
      "thing: hen, colour: red\nthing: cat, colour: black||\n", to: "prompts.txt")
    let written = try run(["generate", output, "--data", prompts])
    #expect(written.status == 0, "\(written.errors)")
    let lines = try written.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
    #expect(
      lines.map { $0["prompt"]?.string } == [
        "thing: hen, colour: red", "thing: cat, colour: black",
      ])
    #expect(lines.allSatisfy { $0["text"]?.string?.hasPrefix("The ") == true }, "\(written.output)")
    let one = try run(["generate", output, "--prompt", "thing: hen, colour: red"])
    #expect(try one.document == lines[0])
  }

  @Test("running text: train, evaluate a run and a bare model, with another stride")
  func runningText() throws {
    let place = try Self.place.get()
    let bare = try run(["evaluate", place.model, "--data", place.text, "--json"])
    #expect(bare.status == 0, "\(bare.errors)")
    let before = try #require(try bare.document["metrics"]?["perplexity"]?.double)
    let output = place.directory.path("text-run")
    let trained = try run([
      "train", "--model", place.model, "--train", place.text, "--dev", place.text, "--method",
      "bitfit", "--learning-rate", "5e-3", "--steps", "20", "--batch-size", "4", "--output", output,
      "--json",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try trained.document["metrics"]?["dev"]?["perplexity"]?.double ?? .infinity < before)
    let strided = try run([
      "evaluate", output, "--data", place.text, "--max-length", "32", "--stride", "8", "--json",
    ])
    #expect(strided.status == 0, "\(strided.errors)")
    let tokens = try bare.document["metrics"]?["tokens"]?.double
    #expect(try strided.document["metrics"]?["tokens"]?.double == tokens)
  }

  @Test(
    "the main job compares a language model's selection with trainable baselines: it has no head")
  func mainJob() throws {
    let place = try Self.place.get()
    let common = [
      "--model", place.model, "--train", place.pairs, "--dev", place.pairs, "--steps", "2",
      "--budget",
      "5%", "--json",
    ]
    let output = place.directory.path("adapt")
    let quick = ["--direction-batches", "2", "--probe-batches", "2", "--batch-size", "8"]
    let adapted = try run(["adapt", "--output", output] + common + quick)
    #expect(adapted.status == 0, "\(adapted.errors)")
    #expect(try adapted.document["comparison"]?["methods"]?.array?.count == 3)
    let refused = try run(
      ["adapt", "--output", output + "-head", "--baselines", "lora,head"] + common + quick)
    #expect(refused.status == 2 && refused.errors.contains("head"), "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: output + "-head"))
    let compared = try run(["compare", "--output", place.directory.path("compare")] + common)
    #expect(compared.status == 0, "\(compared.errors)")
    #expect(try compared.document["methods"]?.array?.count == 4)
  }

  @Test("inspect, probe, select, train the plan; classes from the last token")
  func selection() throws {
    let place = try Self.place.get()
    let inspected = try run(["inspect", place.model, "--method", "lora", "--json"])
    #expect(try inspected.document["tied"]?["lm_head.weight"]?.string == "transformer.wte.weight")
    #expect(try inspected.document["trainable"]?.integer == 2 * 8 * (32 + 96))
    let output = place.directory.path("probe")
    let probed = try run([
      "probe", "--model", place.model, "--train", place.pairs, "--candidates", "lora:2",
      "--direction-batches", "3", "--probe-batches", "3", "--batch-size", "8", "--label-smoothing",
      "0.1", "--output", output, "--json",
    ])
    #expect(probed.status == 0, "\(probed.errors)")
    let groups = try #require(try probed.document["groups"]?.array)
    #expect(groups.allSatisfy { $0["curvature"]?.double?.isFinite == true })
    #expect(groups.allSatisfy { $0["fixed"] == .bool(false) })
    let selected = try run([
      "select", output, "--budget", "3%", "--against", output + "/influence.json", "--json",
    ])
    #expect(selected.status == 0, "\(selected.errors)")
    #expect(try selected.document["agreement"]?["kendall"]?.double == 1)
    let trained = try run([
      "train", "--model", place.model, "--train", place.pairs, "--dev", place.pairs, "--plan",
      output + "/plan.json", "--steps", "5", "--output", place.directory.path("planned"), "--json",
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try trained.document["trainable"]?.integer == selected.document["weight"]?.integer)

    // The last text is empty.
    let rows =
      Self.pairs(32).split(separator: "\n").enumerated().map { index, line in
        "\(line.split(separator: "|")[0])\t\(index % 4 < 2 ? "pet" : "food")\n"
      } + ["\tpet\n"]
    let labelled = try place.directory.write(rows.joined(), to: "labels.tsv")
    let classes = try run([
      "train", "--model", place.model, "--train", labelled, "--dev", labelled, "--learning-rate",
      "5e-3", "--epochs", "15", "--batch-size", "8", "--output", place.directory.path("classes"),
      "--json",
    ])
    #expect(classes.status == 0, "\(classes.errors)")
    #expect(try classes.document["metrics"]?["accuracy"]?.double ?? 0 > 0.9)
  }

  @Test("the bundled models load, generate and have the documented size")
  func bundled() throws {
    let directory = try TemporaryDirectory()
    let copied = try run(["models", directory.path, "--json"])
    #expect(copied.status == 0, "\(copied.errors)")
    #expect(try copied.document["models"]?.array?.count == 2)
    for name in ["roberta-small", "gpt2-small"] {
      let model = directory.path(name)
      let inspected = try run(["inspect", model, "--labels", "0", "--json"])
      #expect(inspected.status == 0, "\(inspected.errors)")
      let count = try #require(try inspected.document["parameters"]?.integer)
      #expect((2_000_000...3_000_000).contains(count))
      let size =
        try FileManager.default.attributesOfItem(atPath: model + "/model.safetensors")[
          .size] as? Int
      #expect(try #require(size) < 6_000_000)
    }
    let text = try directory.write(
      "She looked at him for a moment, and then she said that she did not know.\n", to: "t.txt")
    let measured = try run(["evaluate", directory.path("gpt2-small"), "--data", text, "--json"])
    // Far below 4096, the perplexity of an untrained model.
    #expect(try measured.document["metrics"]?["perplexity"]?.double ?? .infinity < 200)
    let masked = try run([
      "evaluate", directory.path("roberta-small"), "--data", text, "--task", "language", "--json",
    ])
    #expect(masked.status == 0, "\(masked.errors)")
    #expect(try masked.document["metrics"]?["tokens"]?.double ?? 0 > 0)
  }

  @Test("bad input ends with 3 or 2, and the message names the place and the remedy")
  func refusals() throws {
    let place = try Self.place.get()
    let long = String(repeating: "thing ", count: 70)
    let prompts = try place.directory.write("thing\n\(long)\n", to: "long.txt")
    let empty = try place.directory.write("a||b\nc|| \n", to: "empty.txt")
    let untied = place.directory.path("untied")
    let odd = place.directory.path("odd")
    let short = place.directory.path("short")
    for copy in [untied, odd, short] {
      try FileManager.default.copyItem(atPath: place.model, toPath: copy)
    }
    func change(_ directory: String, _ old: String, _ new: String) throws {
      let path = directory + "/config.json"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.contains(old))
      try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
    }
    try change(untied, "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false")
    try change(odd, "\"gelu_new\"", "\"prelu\"")
    try change(short, "\"n_positions\": 64", "\"n_positions\": 3")
    let labelled = try place.directory.write("a\tx\nb\ty\n", to: "labelled.tsv")
    let hidden = try place.directory.write("<mask><mask>", to: "hidden.txt")
    #expect(try run(["models", place.directory.path("own")]).status == 0)
    let cases: [(arguments: [String], status: Int32, words: [String])] = [
      (["generate", place.model, "--data", prompts], 3, ["line 2", "context of 64"]),
      (["generate", place.model, "--prompt", "a", "--format", "text"], 2, ["--format", "--data"]),
      (["generate", place.model, "--prompt", long], 3, ["context of 64", "shorten"]),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", empty, "--output",
          odd + "/run",
        ], 3,
        ["line 2", "completion is empty"]
      ),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train",
          try place.directory.write(long + "||b\n", to: "l.txt"),
          "--max-length", "64", "--output", odd + "/run",
        ], 3, ["line 1", "no room"]
      ),
      (["generate", untied, "--prompt", "a"], 3, ["tie_word_embeddings"]),
      (["generate", odd, "--prompt", "a"], 3, ["activation_function", "prelu"]),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.pairs,
          "--method", "head", "--output",
          odd + "/run",
        ], 2, ["--method head"]
      ),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.text,
          "--stride", "65", "--output",
          odd + "/run",
        ], 2, ["--stride"]
      ),
      (["predict", place.model, "--data", prompts], 2, ["peft generate"]),
      (["generate", short, "--prompt", "a"], 3, ["sequences of 3 tokens"]),
      (["evaluate", place.model, "--data", labelled], 3, ["labels", "--task language"]),
      (
        [
          "evaluate", place.directory.path("own/roberta-small"), "--data", hidden, "--task",
          "language",
        ], 3, ["no token that could be masked"]
      ),
      (
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.text,
          "--steps", "9223372036854775807",
          "--output", odd + "/run",
        ], 2, ["--steps"]
      ),
      (["generate", place.model, "--prompt", "a", "--beams", "2", "--top-k", "3"], 2, ["--beams"]),
    ]
    for (arguments, status, words) in cases {
      let result = try run(arguments)
      #expect(result.status == status, "\(arguments): \(result.errors)")
      for word in words {
        #expect(result.errors.contains(word), "\(arguments): \(result.errors)")
      }
    }
  }
}
