import Foundation
import PEFTRuns
import PEFTTensor
import Testing

/// Everything made with a model is bound to all files of the model that it depends on.
@Suite("Binding to the base model")
struct BindingTests {
  private let place: Workplace
  private let run: String
  private let delta: String
  private let plan: String

  /// A base with a file that this package does not read, a run, a delta of the run, and a plan.
  init() throws {
    place = try Workplace()
    (run, delta) = (place.directory.path("run"), place.directory.path("delta"))
    let probe = place.directory.path("probe")
    plan = probe + "/plan.json"
    try write("{}", to: "special_tokens_map.json")
    var results = [
      try place.train("--output", run, "--method", "lora", "--steps", "2"),
      try PEFTProcess.run("export", run, "--format", "delta", "--output", delta),
      try PEFTProcess.run(
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--groups",
        "kind", "--head-steps", "1", "--direction-batches", "1", "--probe-batches", "1",
        "--output", probe),
    ]
    results.append(try PEFTProcess.run("select", probe, "--budget", "3%"))
    for result in results { try #require(result.status == 0, "\(result.errors)") }
  }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: place.model + "/" + name))
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: place.model + "/" + name, encoding: .utf8)
  }

  /// All commands that read the base of the run, of its delta or of the plan.
  private func readers() throws -> [(name: String, result: PEFTProcess)] {
    let output = place.directory.path("none")
    let trained = ["--method", "lora", "--steps", "2"]
    func start(_ arguments: [String]) throws -> PEFTProcess {
      let (process, streams) = try PEFTProcess.start(arguments)
      return try PEFTProcess.finish(process, streams)
    }
    let training = [
      "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train, "--dev",
      place.dev, "--pooling",
      "mean",
    ]
    return [
      ("verify", try start(["verify", run])),
      ("predict", try start(["predict", run, "--data", place.dev])),
      ("evaluate", try start(["evaluate", run, "--data", place.dev])),
      ("export", try start(["export", run, "--format", "merged", "--output", output])),
      ("verify delta", try start(["verify", delta, "--model", place.model])),
      ("apply", try start(["apply", delta, "--model", place.model, "--output", output])),
      ("resume", try start(training + ["--output", run, "--resume"] + trained)),
      ("plan", try start(training + ["--plan", plan, "--dry-run"])),
    ]
  }

  private func refuse(_ name: String, but exceptions: Set<String> = []) throws {
    for (reader, result) in try readers() where !exceptions.contains(reader) {
      #expect(result.status == 3, "\(name), \(reader): \(result.status) \(result.errors)")
      #expect(result.errors.contains(name), "\(name), \(reader): \(result.errors)")
    }
  }

  @Test("another configuration or tokenizer is refused by name, by every command that reads it")
  func changed() throws {
    for (reader, result) in try readers() where !["export", "apply"].contains(reader) {
      try #require(result.status == 0, "\(reader): \(result.errors)")
    }
    let configuration = try text("config.json")
    try write(
      configuration.replacing("\"gelu\"", with: "\"gelu_new\""), to: "config.json")
    try #require(try text("config.json") != configuration)
    try refuse("config.json")
    try write(configuration, to: "config.json")

    // The same tokens with other ids.
    let vocabulary = try text("vocab.txt")
    var lines = vocabulary.split(separator: "\n")
    lines.swapAt(lines.count - 1, lines.count - 2)
    try write(lines.joined(separator: "\n") + "\n", to: "vocab.txt")
    try refuse("vocab.txt")
    try write(vocabulary, to: "vocab.txt")

    // A new file that would be read.
    try write("{\"do_lower_case\": false}", to: "tokenizer_config.json")
    try refuse("tokenizer_config.json")
    try FileManager.default.removeItem(atPath: place.model + "/tokenizer_config.json")

    // A recorded file that this package does not read and that is not in the recipe of a run.
    try FileManager.default.removeItem(atPath: place.model + "/special_tokens_map.json")
    try refuse("special_tokens_map.json", but: ["resume"])
    try write("{}", to: "special_tokens_map.json")

    // A file that nothing reads does not matter.
    try write("{}", to: "merges.txt")
    #expect(try PEFTProcess.run("verify", run).status == 0)
  }

  @Test("a run of a version that recorded only the weights is bound by its recipe, a delta is not")
  func earlier() throws {
    for directory in [run, delta] {
      var manifest = try RunManifest.read(directory)
      manifest.modelFiles = manifest.modelFiles.filter { $0.key.hasSuffix(".safetensors") }
      try #require(manifest.modelFiles.count == 1)
      try JSONFile.write(manifest.json, to: directory + "/" + RunManifest.fileName)
    }
    func verify(_ directory: String) throws -> PEFTProcess {
      try PEFTProcess.run("verify", directory, "--model", place.model)
    }
    #expect(try verify(run).status == 0)
    #expect(try verify(delta).status == 0)
    let configuration = try text("config.json")
    try write(configuration + "\n", to: "config.json")
    let changed = try verify(run)
    #expect(changed.status == 3 && changed.errors.contains("config.json"), "\(changed.errors)")
    #expect(try verify(delta).status == 0)
    try write(configuration, to: "config.json")
    try write("{}", to: "tokenizer_config.json")
    let added = try verify(run)
    #expect(added.status == 3 && added.errors.contains("tokenizer_config"), "\(added.errors)")
    #expect(try verify(delta).status == 0)
  }
}
