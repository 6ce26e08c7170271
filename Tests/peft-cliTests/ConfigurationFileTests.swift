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
