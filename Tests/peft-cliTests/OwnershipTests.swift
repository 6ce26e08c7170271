import Foundation
import PEFTTensor
import Testing

/// Runs commands in directories that belong to somebody else.
@Suite("Other people's files")
struct OwnershipTests {
  private let place: Workplace
  private let short = [
    "--pooling", "mean", "--batch-size", "16", "--workers", "1", "--quiet",
  ]

  init() throws { place = try Workplace() }

  /// All names that commands give to result files or directories.
  static let names = [
    ".1-1.partial", ".mine.partial", "adapter_config.json", "adapter_model.safetensors",
    "README.md",
    "checkpoint-500.safetensors", "checkpoint.json", "comparison.csv", "comparison.json",
    "config.json", "environment.json", "events.jsonl", "events.out.tfevents.123.host",
    "frontier.csv", "influence.json", "labels.json", "merges.txt", "metrics.csv",
    "model.safetensors", "plan.json", "pretraining.json", "probe-checkpoint.json",
    "probe-gradients-2.safetensors", "probe-records-2.safetensors", "report.html", "results.csv",
    "run.json", "settings.json", "steps.csv", "suite.json", "summary.json", "task-train.jsonl",
    "tokenizer.json",
    "trained.safetensors", "validation.json", "vocab.json", "written.jsonl",
  ]
  /// The names of directories, each containing somebody else's file.
  static let folders = [
    "cells/microscopy", "methods/head/seed-1", "probes/mine", "rate-0.001", "roberta-small",
  ]

  /// Fills a directory with somebody else's files.
  private func fill(_ directory: String) throws {
    for folder in [""] + Self.folders.map({ "/" + $0 }) {
      try FileManager.default.createDirectory(
        atPath: directory + folder, withIntermediateDirectories: true)
    }
    for name in Self.names { try write(directory + "/" + name) }
    for folder in Self.folders {
      for name in ["run.json", "checkpoint.json", "image.tif"] {
        try write("\(directory)/\(folder)/\(name)")
      }
    }
  }

  private func write(_ path: String) throws {
    try Data("precious \(URL(filePath: path).lastPathComponent)".utf8)
      .write(to: URL(filePath: path))
  }

  /// All files below a directory, with their bytes.
  private func contents(_ directory: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for case let name as String in FileManager.default.enumerator(atPath: directory) ?? .init() {
      let url = URL(filePath: directory + "/" + name)
      if let data = try? Data(contentsOf: url) { files[name] = data }
    }
    return files
  }

  private func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments)
    return try PEFTProcess.finish(process, streams)
  }

  /// The options of every command that writes a directory, without `--output`.
  private func commands() throws -> [(name: String, options: [String])] {
    let task = ["--model", place.model, "--train", place.train, "--dev", place.dev]
    let run = place.directory.path("a-run")
    if !FileManager.default.fileExists(atPath: run) {
      #expect(
        try self.run(
          ["train", "--method", "lora", "--steps", "1", "--output", run] + task
            + ["--pooling", "first", "--workers", "1", "--quiet"]
        ).status == 0)
      #expect(
        try self.run(
          ["probe", "--output", run + "-probe", "--head-steps", "1", "--direction-batches", "1"]
            + ["--probe-batches", "1"] + task + short
        ).status == 0)
    }
    let suite = try place.directory.write(
      """
      name: small
      question: Does it run?
      models: {m: {model: \(place.model), pooling: mean}}
      tasks: {t: {train: \(place.train), dev: \(place.dev), test: \(place.dev)}}
      recipe: {steps: 1, batch-size: 16}
      seeds: [1]
      learning-rates: [1e-3]
      budgets: [2%]
      probes: {p: {groups: kind, direction-batches: 1, probe-batches: 1, head-steps: 1}}
      methods: {mine: {probe: p, solver: greedy}, bitfit: {method: bitfit}}
      ours: mine
      against: [bitfit]
      """, to: "suite.yaml")
    let probe = [
      "--head-steps", "1", "--direction-batches", "1", "--probe-batches", "1",
    ]
    return [
      ("train", ["train", "--method", "head", "--steps", "1"] + task + short),
      ("probe", ["probe"] + task + short + probe),
      (
        "adapt",
        ["adapt", "--budget", "5%", "--baselines", "head", "--steps", "1"] + task + short + probe
      ),
      ("compare", ["compare", "--methods", "head", "--steps", "1"] + task + short),
      ("suite", ["compare", "--suite", suite, "--workers", "1", "--quiet"]),
      (
        "validate",
        ["validate", "--group-steps", "1", "--group-rates", "1e-3", "--groups", "kind"] + task
          + ["--pooling", "mean", "--workers", "1", "--quiet"] + probe
      ),
      (
        "pretrain",
        [
          "pretrain", "--target", "causal", "--train", place.train, "--vocabulary-size", "280",
          "--hidden-size", "16", "--layers", "1", "--heads", "1", "--context", "32", "--steps", "1",
          "--batch-tokens", "64", "--workers", "1", "--quiet",
        ]
      ),
      ("select", ["select", run + "-probe", "--budget", "5%"]),
      ("merged", ["export", run, "--format", "merged"]),
      ("delta", ["export", run, "--format", "delta"]),
      ("adapter", ["export", run, "--format", "peft"]),
      ("apply", ["apply", run, "--model", place.model]),
    ]
  }

  @Test("no command changes a file in a directory that it did not create")
  func foreign() throws {
    let directory = place.directory.path("foreign")
    try fill(directory)
    let before = try contents(directory)
    #expect(before.count == Self.names.count + 3 * Self.folders.count)
    for (name, options) in try commands() {
      for extra in [[], ["--overwrite"], ["--resume"]] {
        if extra == ["--resume"],
          ["select", "merged", "delta", "adapter", "apply", "validate"]
            .contains(name)
        {
          continue
        }
        let result = try run(options + ["--output", directory] + extra)
        // A checkpoint, influences or a manifest to resume from may be read, and are then found
        // invalid.
        let expected: [Int32] = extra == ["--resume"] ? [3, 6] : [6]
        #expect(
          expected.contains(result.status),
          "\(name) \(extra): \(result.status) \(result.errors)")
        #expect(try contents(directory) == before, "\(name) \(extra)")
      }
    }
    let models = try PEFTProcess.run("models", directory, "--overwrite")
    #expect(models.status == 6, "\(models.errors)")
    let quick = try PEFTProcess.run("quickstart", "--output", directory, "--overwrite")
    #expect(quick.status == 6, "\(quick.errors)")
    let page = try PEFTProcess.run(
      "report", place.directory.path("a-run"), "--output", directory + "/report.html")
    #expect(page.status == 6, "\(page.errors)")
    #expect(try contents(directory).filter { before[$0.key] != nil } == before)
  }

  @Test("files put beside a command's own are kept when those are replaced")
  func beside() throws {
    for (name, options) in try commands() {
      let directory = place.directory.path("own-" + name)
      try #require(try run(options + ["--output", directory]).status == 0, "\(name)")
      let own = try contents(directory)
      let strangers = Self.names.filter { own[$0] == nil }
      for stranger in strangers { try write(directory + "/" + stranger) }
      try FileManager.default.createDirectory(
        atPath: directory + "/notes", withIntermediateDirectories: true)
      try write(directory + "/notes/run.json")
      let before = try contents(directory).filter { own[$0.key] == nil }
      let result = try run(options + ["--output", directory, "--overwrite"])
      #expect([0, 6].contains(result.status), "\(name): \(result.status) \(result.errors)")
      let after = try contents(directory)
      for (path, bytes) in before { #expect(after[path] == bytes, "\(name): \(path)") }
    }
  }

  @Test("links are not followed, and an unreadable directory does not count as empty")
  func links() throws {
    let manager = FileManager.default
    let directory = place.directory.path("theirs")
    try manager.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try manager.createSymbolicLink(
      atPath: place.directory.path("link"), withDestinationPath: directory)
    try manager.createSymbolicLink(
      atPath: place.directory.path("dangling"),
      withDestinationPath: place.directory.path("nowhere"))
    for (name, options) in try commands() {
      for link in ["link", "link/", "dangling"] {
        let result = try run(options + ["--output", place.directory.path(link)])
        #expect(result.status == 6, "\(name) \(link): \(result.status) \(result.errors)")
      }
      #expect(try manager.contentsOfDirectory(atPath: directory).isEmpty, "\(name)")
      #expect(!manager.fileExists(atPath: place.directory.path("nowhere")), "\(name)")
    }
    // A link in place of one of the command's own files.
    let own = place.directory.path("own")
    let train = try #require(try commands().first).options
    #expect(try run(train + ["--output", own]).status == 0)
    let target = try place.directory.write("precious", to: "target.csv")
    try manager.removeItem(atPath: own + "/steps.csv")
    try manager.createSymbolicLink(atPath: own + "/steps.csv", withDestinationPath: target)
    let result = try run(train + ["--output", own, "--overwrite"])
    #expect(result.status == 6, "\(result.errors)")
    #expect(try String(contentsOfFile: target, encoding: .utf8) == "precious")
  }

  @Test("a marker that leads out of its directory, or was changed, is refused")
  func forgedMarker() throws {
    let own = place.directory.path("own")
    let train = try #require(try commands().first).options
    #expect(try run(train + ["--output", own]).status == 0)
    let precious = try place.directory.write("precious", to: "precious.csv")
    let path = own + "/.peft.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for forged in [
      text.replacing("\"steps.csv\"", with: "\"../precious.csv\""), text.replacing("1", with: "2"),
      "{}", "",
    ] {
      try forged.write(toFile: path, atomically: true, encoding: .utf8)
      let result = try run(train + ["--output", own, "--overwrite"])
      #expect(result.status == 3, "\(result.status) \(result.errors)")
      #expect(try String(contentsOfFile: precious, encoding: .utf8) == "precious")
      #expect(FileManager.default.fileExists(atPath: own + "/run.json"))
    }
  }
}
