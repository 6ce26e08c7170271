import Foundation
import PEFTRuns
import PEFTStudy
import PEFTTensor
import Testing

@Suite("The list of results")
struct ListCommandTests {
  @Test("complete, running, stopped and damaged results are listed, and none ends the list")
  func states() throws {
    let place = try Workplace()
    let runs = place.directory.path("runs")
    try FileManager.default.createDirectory(
      atPath: runs + "/deep", withIntermediateDirectories: true)
    let trained = try place.train(
      "--method", "bitfit", "--steps", "1", "--test", place.dev, "--output", runs + "/deep/done",
      "--json")
    #expect(trained.status == 0)
    for name in ["torn", "odd"] {
      try FileManager.default.copyItem(
        atPath: runs + "/deep/done", toPath: "\(runs)/\(name)")
    }
    try Data("{".utf8).write(to: URL(filePath: runs + "/torn/run.json"))
    try Data("{".utf8).write(to: URL(filePath: runs + "/odd/.peft.json"))
    let half = try PEFTProcess.run(
      "compare", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
      "mean", "--methods", "head,bitfit", "--steps", "1", "--learning-rate", "1e-3", "--output",
      runs + "/half", "--quiet")
    #expect(half.status == 0, "\(half.errors)")
    // As after the first of its methods.
    var comparison = try Comparison.read(runs + "/half")
    let last = comparison.entries.removeLast()
    comparison.remaining = [last.label]
    try comparison.write(
      in: OutputDirectory.comparison(runs + "/half", overwriting: false, resuming: true))
    let pretrained = try PEFTProcess.run(
      "pretrain", "--train", place.directory.write("one two three\n", to: "text.txt"), "--output",
      runs + "/model", "--steps", "1", "--hidden-size", "16", "--layers", "1", "--heads", "2",
      "--context", "16", "--vocabulary-size", "270")
    #expect(pretrained.status == 0, "\(pretrained.errors)")
    try FileManager.default.copyItem(atPath: runs + "/model", toPath: runs + "/killed")
    try FileManager.default.removeItem(atPath: runs + "/killed/pretraining.json")
    let held = try OutputDirectory.comparison(
      runs + "/held", overwriting: false, resuming: false)
    _ = try OutputDirectory.comparison(runs + "/left", overwriting: false, resuming: false)

    let listed = try PEFTProcess.run("ls", runs, "--json")
    withExtendedLifetime(held) {}
    #expect(listed.status == 0, "\(listed.errors)")
    #expect(listed.errors.contains("/odd/.peft.json"))
    let results = try #require(try listed.document["results"]?.array)
    func values(_ key: String) -> [JSONValue?] { results.map { $0[key] } }
    #expect(
      values("path")
        == ["deep/done", "half", "held", "killed", "left", "model", "torn"]
        .map { .string($0) })
    #expect(
      values("state")
        == [
          "complete", "stopped", "running", "stopped", "stopped", "complete", "unreadable",
        ].map { .string($0) })
    #expect(results[1]["method"]?.string == comparison.entries[0].label)
    let done = results[0]
    #expect(done["method"] == .string("bitfit") && done["metric"] == .string("accuracy"))
    let metrics = try trained.document["metrics"]
    #expect(done["test"] == metrics?["test"]?["accuracy"] ?? metrics?["accuracy"])
    #expect(done["trainable"] == (try trained.document["trainable"]))
    let stored = try FileContents.byteCount(runs + "/deep/done/trained.safetensors")
    #expect(done["storedBytes"]?.integer == stored)
    #expect(results[6]["problem"]?.string?.contains("run.json") == true)

    let table = try PEFTProcess.run("ls", runs, "--sort", "size")
    #expect(table.status == 0)
    let lines = table.output.split(separator: "\n")
    #expect(lines.count == 8 && lines[0].hasPrefix("path"))
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(table.output)")
    #expect(try PEFTProcess.run("ls", runs + "/none").status == 3)
    // The runs inside a comparison are its parts.
    #expect(try ResultListing(below: runs).results.count == 7)
  }
}
