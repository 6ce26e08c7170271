import Foundation
import PEFTTensor
import Testing

@Suite("Configuration files")
struct ConfigurationFileTests {
  @Test("configuration files: merged, flags win, misspellings get suggestions")
  func configuration() throws {
    let place = try Workplace()
    let file = try place.directory.write(
      "method: lora\nrank: 4\ntargets: [query, key]\nno-dropout: true\nepochs: 1\n", to: "run.yaml")
    let shown = try PEFTProcess.run(
      "config", "show", "train", "--config", file, "--rank", "2", "--json")
    #expect(shown.status == 0, "\(shown.errors)")
    let document = try shown.document
    #expect(document["rank"]?["value"] == .string("2"))
    #expect(document["rank"]?["from"] == .string("command line"))
    #expect(document["method"]?["from"] == .string("file"))
    #expect(document["targets"]?["value"] == .string("query,key"))
    #expect(document["clip"]?["from"] == .string("default"))
    let trained = try place.train(
      "--config", file, "--rank", "2", "--output", place.directory.path("run"), "--json",
      "--steps", "1")
    #expect(trained.status == 0, "\(trained.errors)")
    // Two layers, query and key, A [2, 128] and B [128, 2], and a head of 2 × 128 + 2.
    #expect(try trained.document["trainable"] == .integer(2 * 2 * 2 * 2 * 128 + 258))
    #expect(try place.train("--generate", "--dry-run").status == 2)
    // A list for an option that may be given several times.
    let files = try ["a.txt", "b.txt"].map { name in
      try place.directory.write(
        String(repeating: "one two three \(name)\n", count: 40), to: name)
    }
    let list = try place.directory.write(
      "train: [\(files.joined(separator: ", "))]\n", to: "l.yaml")
    let own = place.directory.path("own")
    let pretrained = try PEFTProcess.run(
      "pretrain", "--config", list, "--output", own, "--steps", "1", "--hidden-size", "16",
      "--layers", "1", "--heads", "2", "--context", "16", "--vocabulary-size", "270")
    #expect(pretrained.status == 0, "\(pretrained.errors)")
    let made = try JSONValue(contentsOf: own + "/pretraining.json")
    #expect(made["files"] == .array([.string("a.txt"), .string("b.txt")]))
    // A flag that can be denied is denied by false, and the command line wins.
    let vectors = try place.directory.write("normalize: false\n", to: "embed.yaml")
    for (line, value, from) in [
      ([], "false", "file"), (["--normalize"], "true", "command line"),
      (["--no-normalize"], "false", "command line"),
    ] {
      let (process, streams) = try PEFTProcess.start(
        ["config", "show", "embed", "--config", vectors, "--json"] + line)
      let shown = try PEFTProcess.finish(process, streams).document["normalize"]
      #expect(shown?["value"] == .string(value) && shown?["from"] == .string(from), "\(line)")
    }
    func norm(_ extra: String...) throws -> Double {
      let (process, streams) = try PEFTProcess.start(
        ["embed", place.model, "--text", "one two"] + extra)
      let line = try PEFTProcess.finish(process, streams).output
      let vector = try JSONValue(parsing: line.utf8)["embedding"]?.array?.compactMap(\.double) ?? []
      return vector.reduce(0) { $0 + $1 * $1 }
    }
    let always = try place.directory.write("normalize: true\n", to: "always.yaml")
    #expect(try abs(norm("--config", always) - 1) < 1e-5)
    #expect(try abs(norm("--config", always, "--no-normalize") - 1) > 1e-3)
    #expect(try norm("--config", vectors) == norm("--no-normalize"))
    let short = try PEFTProcess.run("config", "show", "train", "--lr", "1e-3", "--json")
    #expect(try short.document["learning-rate"]?["value"] == .string("1e-3"))
    let slip = try place.directory.write("learning-rat: 1e-3\n", to: "slip.yaml")
    let refused = try place.train("--config", slip, "--dry-run")
    let suggests = refused.errors.contains("learning-rate")
    #expect(refused.status == 2 && suggests, "\(refused.errors)")
    for (line, word) in [
      ("targets: [query, [key]]", "list of values"), ("no-dropout: [true, x]", "true or false"),
    ] {
      let wrong = try place.train(
        "--config", try place.directory.write(line + "\n", to: "wrong.yaml"), "--dry-run")
      let says = wrong.errors.contains("line 1") && wrong.errors.contains(word)
      #expect(wrong.status == 2 && says, "\(wrong.errors)")
    }
  }
}
