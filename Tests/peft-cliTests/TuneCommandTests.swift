import Foundation
import PEFTTensor
import Testing

@Suite("Searches for settings, as a command")
struct TuneCommandTests {
  /// Writes a search on the small model of a workplace, with these lines after `train`.
  private static func write(
    _ place: Workplace, _ lines: String, train: String = "method: lora, steps: 6"
  ) throws -> String {
    try place.directory.write(
      """
      train: {model: \(place.model), train: \(place.train), dev: \(place.dev), test: \(place.dev),
              pooling: mean, batch-size: 16, \(train)}
      \(lines)

      """, to: "tune.yaml")
  }

  private static func run(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(
      ["tune"] + arguments + ["--workers", "1"], environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  private static let space = """
    vary:
      learning-rate: {log-uniform: [1e-4, 1e-2]}
      rank: [1, 2]
      set.start: [uniform, pissa]
      no-dropout: [true, false]
    """

  /// `tune.json` without seconds and its own digest.
  private static func findings(_ directory: String) throws -> JSONValue {
    var document = try #require(JSONValue(contentsOf: directory + "/tune.json").object)
    document["files"] = nil
    document["trials"] = .array(
      try #require(document["trials"]?.array).map { trial in
        var trial = trial.object ?? [:]
        trial["seconds"] = nil
        return .object(trial)
      })
    return .object(document)
  }

  @Test("prints the best trial and how to repeat it, whose run is what train would have made")
  func results() throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let file = try Self.write(place, Self.space + "\nsearch: tpe\nrandom-trials: 2")
    let output = place.directory.path("tuned")
    let options = [file, "--output", output, "--trials", "3", "--steps", "4", "--quiet"]
    let result = try Self.run(options)
    try #require(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines[0].hasPrefix("trial  learning-rate  rank  set.start  no-dropout"))
    #expect(lines[1...3].allSatisfy { $0.hasSuffix("finished") })
    let json = try Self.run(options + ["--resume", "--json"]).document
    #expect(json["trials"]?.array?.count == 3)
    let best = try #require(json["best"])
    let number = try #require(best["trial"]?.integer)
    #expect(lines[1].hasPrefix("\(number) "))
    #expect(lines.contains { $0.hasPrefix("best: trial \(number), on dev ") })
    #expect(lines.contains { $0.hasPrefix("on test: ") } && best["test"]?["accuracy"] != nil)
    // The runs of other trials than the best are gone.
    let (fewer, streams2) = try PEFTProcess.start(
      ["tune", file, "--output", output, "--trials", "2", "--steps", "4", "--resume"])
    let refused = try PEFTProcess.finish(fewer, streams2)
    #expect(refused.status == 6 && refused.errors.contains("more than 2 trials"))
    let table = try String(contentsOfFile: output + "/trials.csv", encoding: .utf8)
    #expect(table.split(separator: "\n").count == 4)
    let again = try #require(lines.last)
    let words = again.split(separator: " ").map(String.init)
    let start = try #require(words.firstIndex(of: "peft"))
    let repeated = place.directory.path("again")
    let (process, streams) = try PEFTProcess.start(
      words[(start + 1)...].dropLast() + [repeated])
    let trained = try PEFTProcess.finish(process, streams)
    try #require(trained.status == 0, "\(trained.errors)")
    #expect(
      try Data(contentsOf: URL(filePath: repeated + "/trained.safetensors"))
        == Data(contentsOf: URL(filePath: output + "/best/trained.safetensors")))
    let (export, place2) = try PEFTProcess.start(
      ["evaluate", output + "/best", "--data", place.dev])
    #expect(try PEFTProcess.finish(export, place2).status == 0)
  }

  @Test(
    "killed and resumed, it ends with the same files",
    arguments: [
      ["search: tpe\nrandom-trials: 2\ntrials: 4"],
      ["search: halving\nreduction: 2\ngrace: 0.3\ntrials: 4"],
    ])
  func killed(lines: [String]) throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let shim = try FaultShim()
    let file = try Self.write(place, Self.space + "\n" + lines[0])
    let (whole, restarted) = (place.directory.path("whole"), place.directory.path("restarted"))
    let command = [file, "--quiet", "--checkpoint-every", "2", "--output"]
    let first = try Self.run(command + [whole])
    try #require(first.status == 0, "\(first.errors)")
    var kills = 0
    for _ in 0..<60 {
      let ended = try Self.run(
        command + [restarted, "--resume"], shim.environment("kill", at: 17 + 5 * kills))
      if ended.status == 0 { break }
      #expect(ended.status == -SIGKILL, "\(ended.errors)")
      kills += 1
    }
    #expect(kills >= 6, "\(kills) kills")
    let last = try Self.run(command + [restarted, "--resume"])
    try #require(last.status == 0, "\(last.errors)")
    #expect(try Self.findings(restarted) == Self.findings(whole))
    for name in ["trained.safetensors", "steps.csv", "metrics.csv"] {
      #expect(
        try Data(contentsOf: URL(filePath: restarted + "/best/" + name))
          == Data(contentsOf: URL(filePath: whole + "/best/" + name)), "\(name)")
    }
    func names(_ directory: String) throws -> Set<String> {
      try Set(
        FileManager.default.subpathsOfDirectory(atPath: directory).filter {
          !$0.contains("events.out")
        })
    }
    #expect(try names(restarted) == names(whole))
  }

  /// Lines of a file after `train`, and what the error must say.
  static let wrongFiles: [(lines: String, words: [String])] = [
    ("vary: {learning-rat: [1, 2]}", ["line 3, vary.learning-rat", "did you mean learning-rate"]),
    ("vary: {learning-rate: {log-uniform: [1e-2, 1e-4]}}", ["line 3", "[low, high]"]),
    ("vary: {learning-rate: {log-uniform: [0, 1]}}", ["0 has no logarithm", "above 0"]),
    ("vary: {rank: {integer: [1.5, 3]}}", ["line 3, vary.rank.integer", "1.5", "whole"]),
    ("vary: {rank: {normal: [1, 3]}}", ["no such range", "log-uniform"]),
    ("vary: {rank: 4}", ["does not vary", "under train"]),
    ("vary: {rank: [4, 4]}", ["twice"]),
    ("vary: {rank: [4, 0]}", ["vary.rank", "with rank 0", "from 1"]),
    ("vary: {seed: [1, 2]}", ["cannot be compared"]),
    ("vary: {output: [a, b]}", ["vary.output", "leave it out"]),
    ("vary: {set.degree: [1, 2]}", ["vary.set.degree", "degree"]),
    ("vary: {steps: [2, 3]}", ["under train too"]),
    ("vary: {rank: [1, 2]}\nsearch: grid", ["line 4, search", "grid"]),
    ("vary: {rank: [1, 2]}\ngrace: 0.1", ["line 4, grace", "halving"]),
    ("vary: {rank: [1, 2]}\ntrails: 3", ["trails", "trials"]),
    ("vary: {}", ["vary", "nothing varies"]),
    ("vary: {rank: [1, 2]}\nsearch: halving", ["learning-rate", "halving"]),
  ]

  @Test("wrong files are refused with line and remedy, before anything runs", arguments: wrongFiles)
  func refused(_ item: (lines: String, words: [String])) throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let output = place.directory.path("tuned")
    let file = try Self.write(place, item.lines)
    let result = try Self.run([file, "--output", output, "--trials", "2"])
    #expect([2, 3].contains(result.status), "\(result.status) \(result.errors)")
    for word in item.words { #expect(result.errors.contains(word), "\(result.errors)") }
    #expect(!FileManager.default.fileExists(atPath: output + "/trials"))
  }

  @Test("a file without its sections, or without dev data, is refused")
  func missing() throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let output = place.directory.path("tuned")
    let few = try place.directory.write("good\tyes\nbad\tno\ngood\tyes\nbad\tno\n", to: "few.tsv")
    for (text, words, status) in [
      ("vary: {rank: [1, 2]}", ["train", "missing", "`peft train`"], 3),
      ("train: {model: m, train: t}", ["vary", "missing"], 3),
      (
        "train: {model: \(place.model), train: \(few), steps: 1}\nvary: {clip: [0, 1]}",
        ["--dev", "--holdout"], 2
      ),
    ] {
      let file = try place.directory.write(text, to: "tune.yaml")
      let result = try Self.run([file, "--output", output])
      #expect(result.status == Int32(status), "\(result.errors)")
      for word in words { #expect(result.errors.contains(word), "\(result.errors)") }
      #expect(!FileManager.default.fileExists(atPath: output + "/trials"))
    }
  }

  @Test("options of the search are checked, and existing results are not replaced")
  func options() throws {
    for (extra, word) in [
      (["--search", "grid"], "--search"), (["--trials", "0"], "--trials"),
      (["--steps", "0"], "--steps"), (["--resume", "--overwrite"], "--resume"),
      (["--rank", "3"], "--rank"),
    ] {
      let result = try Self.run(["t.yaml", "--output", "o"] + extra)
      #expect(result.status == 2 && result.errors.contains(word), "\(result.errors)")
    }
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let file = try Self.write(place, "vary: {learning-rate: [1e-3, 1e-2]}\ntrials: 1")
    let output = place.directory.path("tuned")
    #expect(try Self.run([file, "--output", output]).status == 0)
    let again = try Self.run([file, "--output", output])
    #expect(again.status == 6 && again.errors.contains("--overwrite"), "\(again.errors)")
    let other = try Self.run([file, "--output", output, "--steps", "3", "--resume"])
    #expect(other.status == 3 && other.errors.contains("length"), "\(other.errors)")
    #expect(try Self.run([file, "--output", output, "--overwrite"]).status == 0)
  }
}
