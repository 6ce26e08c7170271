import Foundation
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Suites")
struct SuiteCommandTests {
  /// Writes a suite on the small model of a workplace to `path`.
  private static func write(_ place: Workplace, to path: String, steps: Int = 6) throws {
    try """
    name: small
    question: Does it run?
    models:
      small: {model: \(place.model), pooling: mean}
    tasks:
      words: {train: \(place.train), dev: \(place.dev), test: \(place.dev)}
    recipe: {steps: \(steps), batch-size: 8}
    seeds: [1, 2]
    learning-rates: [1e-3, 1e-2]
    rate-seeds: 2
    budgets: [2%, 20%]
    probes:
      walk: {groups: kind-layer, direction-batches: 2, probe-batches: 2, head-steps: 3, interactions: true}
      kinds: {groups: kind, direction-batches: 2, probe-batches: 2, head-steps: 3}
      fit: {groups: kind, estimator: fit, probe-steps: 4, period: 2, head-steps: 0}
      unused: {groups: tensor, direction-batches: 1, probe-batches: 1, head-steps: 0}
    methods:
      head: {method: head}
      bitfit: {method: bitfit}
      lora-r1: {method: lora, rank: 1, family: lora}
      last-1: {last-layers: 1}
      ours: {probe: walk, solver: exact}
      together: {probe: walk, solver: interacting, budgets: [20%]}
      fisher: {probe: walk, by: fisher, solver: greedy, budgets: [20%]}
      chance: {probe: walk, solver: shuffled, budgets: [20%]}
      paper: {probe: fit, solver: prefix, value: newton, budgets: [20%]}
      "parts:bias+norm": {groups: [bias, norm], probe: kinds}
    ours: ours
    against: [lora, bitfit]
    """.write(toFile: path, atomically: true, encoding: .utf8)
  }

  private static func run(_ suite: String, _ output: String, _ extra: String...) throws
    -> PEFTProcess
  {
    let (process, directory) = try PEFTProcess.start(
      ["suite", suite, "--output", output] + extra)
    return try PEFTProcess.finish(process, directory)
  }

  /// The lines of a table without the columns of seconds and memory.
  private static func numbers(_ output: String) throws -> [String] {
    try String(contentsOfFile: output + "/results.csv", encoding: .utf8).split(separator: "\n")
      .map {
        $0.split(separator: ",", omittingEmptySubsequences: false).dropLast(3).joined(
          separator: ",")
      }
  }

  /// Checks that every row tried both rates with both seeds and chose the one that is better on
  /// average.
  private static func checkRates(_ table: [String]) throws {
    let columns = table[0].split(separator: ",").map(String.init)
    let row = try #require(columns.firstIndex(of: "row"))
    let rate = try #require(columns.firstIndex(of: "learning_rate"))
    let chosen = try #require(columns.firstIndex(of: "chosen"))
    let dev = try #require(columns.firstIndex(of: "dev"))
    let cells = table.dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    for runs in Dictionary(grouping: cells, by: { $0[row] }).values {
      #expect(runs.count == 4)
      let means = Dictionary(grouping: runs) { $0[rate] }.mapValues { runs in
        runs.reduce(0) { $0 + (Double($1[dev]) ?? 0) } / Double(runs.count)
      }
      let taken = runs.filter { $0[chosen] == "1" }
      #expect(taken.count == 2 && Set(taken.map { $0[rate] }).count == 1)
      // The first of equal rates, and this suite's rates ascend.
      let best = means.filter { $0.value == means.values.max() }.keys.compactMap(Double.init)
      #expect(Double(taken[0][rate]) == best.min())
    }
  }

  @Test("interrupted and resumed shards give the numbers of one process; missing runs are refused")
  func shards() throws {
    let place = try Workplace()
    let suite = place.directory.path("suite.yaml")
    try Self.write(place, to: suite)
    let whole = place.directory.path("whole")
    let all = try Self.run(suite, whole, "--json")
    #expect(all.status == 0, "\(all.errors)")
    let document = try all.document
    #expect(document["headline"]?.array?.count == 2)
    #expect(
      try String(contentsOfFile: whole + "/report.html", encoding: .utf8).contains("parts:bias"))
    // The probe that no method uses is also measured.
    for seed in [1, 2] {
      #expect(try Influence.read("\(whole)/probes/words/unused/seed-\(seed).json").isComplete)
    }
    let table = try Self.numbers(whole)
    #expect(
      table.count > 2 * 3 && table.allSatisfy { $0.contains("words") || $0.hasPrefix("problem,") })

    try Self.checkRates(table)

    let shared = place.directory.path("shared")
    let part = try Self.run(suite, shared, "--shard", "2/2", "--json")
    #expect(part.status == 0, "\(part.errors)")
    #expect(try part.document["shard"] == .string("2/2"))
    let hole = try Self.run(suite, shared, "--merge")
    #expect(hole.status == 3 && hole.errors.contains("not complete"), "\(hole.errors)")
    #expect(!FileManager.default.fileExists(atPath: shared + "/results.csv"))

    // Killed in the middle of the other shard.
    let (process, directory) = try PEFTProcess.start(
      ["suite", suite, "--output", shared, "--shard", "1/2"])
    let cells = shared + "/cells/words/bitfit"
    while process.isRunning, !FileManager.default.fileExists(atPath: shared + "/cells/words/head") {
      usleep(2000)
    }
    kill(process.processIdentifier, SIGKILL)
    _ = try PEFTProcess.finish(process, directory)
    #expect(FileManager.default.fileExists(atPath: cells))
    #expect(try Self.run(suite, shared, "--shard", "1/2").status == 0)
    let merged = try Self.run(suite, shared, "--merge", "--json")
    #expect(merged.status == 0, "\(merged.errors)")
    #expect(try Self.numbers(shared) == table)
    #expect(try merged.document["headline"] == document["headline"])

    // A suite with another recipe is not accepted in place of this one.
    try Self.write(place, to: suite, steps: 7)
    let other = try Self.run(suite, shared, "--merge")
    #expect(other.status == 3 && other.errors.contains("length"), "\(other.errors)")
    #expect(try Self.run(suite, shared).status == 6)
  }

  @Test(
    "errors in the file are named",
    arguments: [
      ("seeds: [1, 2]", "seeds: [1, 1]", "seeds"),
      ("seeds: [1, 2]", "sedes: [1, 2]", "sedes"),
      ("rate-seeds: 2", "rate-seeds: 3", "rate-seeds"),
      ("steps: 6", "stepz: 6", "stepz"),
      ("rank: 1", "rank: 0", "methods.lora-r1.rank"),
      ("probe: walk, solver: exact", "probe: wolk, solver: exact", "wolk"),
      ("solver: exact", "solver: exactly", "methods.ours.solver"),
      ("ours: ours", "ours: theirs", "theirs"),
      ("[2%, 20%]", "[2, 20%]", "budgets"),
      ("against: [lora, bitfit]", "against: {lora: 1}", "against"),
      ("groups: kind-layer", "groups: nothing", "probes.walk"),
      ("groups: [bias, norm]", "groups: [bias, norn]", "norn"),
      ("groups: [bias, norm], probe: kinds", "groups: [bias, norm]", "parts:bias+norm.probe"),
      (", interactions: true", "", "interactions"), ("by: fisher", "by: fischer", "fischer"),
      ("[2%, 20%]", "[2%, 2%]", "budgets"), ("[2%, 20%]", "[2%, 20%+head]", "budgets"),
      ("interacting, budgets: [20%]", "anchored, budgets: [20%+head]", "methods.together.budgets"),
      ("head: {method: head}", "head: {method: head, learning-rates: fast}", "learning-rates"),
      ("steps: 6", "steps: 6, seed: 3", "recipe.seed"),
      ("value: newton", "value: newton, reach: 0.1", "methods.paper.reach"),
      ("steps: 6", "steps: 6, lr: 0.1", "recipe.lr"),
      ("{method: bitfit}", "{method: bitfit, budgets: [20%]}", "methods.bitfit.budgets"),
      ("words: {", "words: {generate: true, ", "tasks.words.generate"),
      ("rank: 1", "rank: 1, targets: [queri]", "lora-r1 on words: --targets"),
      ("ours: ours", "agreements: {a: {probe: fit, with: kinds}}\nours: ours", "suite-claims"),
    ])
  func faults(_ item: (old: String, new: String, named: String)) throws {
    let place = try Workplace()
    let suite = place.directory.path("suite.yaml")
    try Self.write(place, to: suite)
    let text = try String(contentsOfFile: suite, encoding: .utf8)
    #expect(text.contains(item.old))
    try text.replacing(item.old, with: item.new, maxReplacements: 1)
      .write(toFile: suite, atomically: true, encoding: .utf8)
    let output = place.directory.path("output")
    let result = try Self.run(suite, output)
    #expect([2, 3].contains(result.status), "\(result.status) \(result.errors)")
    #expect(result.errors.contains(item.named), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: output + "/cells"))
  }

  @Test("what adapt chooses is a method, with its own rates, under budgets beside the head")
  func measured() throws {
    let place = try Workplace()
    let suite = place.directory.path("suite.yaml")
    try """
    name: measured
    question: Does it run?
    models:
      small: {model: \(place.model), pooling: mean}
    tasks:
      words: {train: \(place.train), dev: \(place.dev), test: \(place.dev)}
    recipe: {steps: 6, batch-size: 8}
    seeds: [1]
    learning-rates: [1e-3]
    budgets: [1%+head, 20%+head]
    probes: {}
    methods:
      bitfit: {method: bitfit}
      adapt: {method: adapt, learning-rates: auto}
    ours: adapt
    against: [bitfit]
    """.write(toFile: suite, atomically: true, encoding: .utf8)
    let output = place.directory.path("output")
    let result = try Self.run(suite, output)
    #expect(result.status == 0, "\(result.errors)")
    let lines = try Self.numbers(output)
    #expect(lines.count == 4)
    for (line, share) in zip(lines.dropFirst(2), [0.01, 0.2]) {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      let (backbone, parameters) = (Int(fields[9]) ?? .max, Double(fields[11]) ?? 0)
      #expect(fields[4] == "adapt@\(share == 0.01 ? 1 : 20)%+head")
      #expect(Double(backbone) <= share * parameters && backbone > 0)
    }
    // Budgets are part of the recipe: the results of one are not those of another.
    #expect(try Self.run(suite, output, "--resume").status == 0)
  }

  @Test("a suite with too many problems is refused")
  func endless() throws {
    let place = try TemporaryDirectory()
    func maps(_ letter: String, _ count: Int) -> String {
      (0..<count).map { "  \(letter)\($0): {train: t}\n" }.joined()
    }
    for (models, tasks, word) in [(200, 200, "problems"), (1, 5000, "entries")] {
      let suite = try place.write(
        "recipe: {steps: 1}\nmodels:\n\(maps("m", models))tasks:\n\(maps("t", tasks))",
        to: "suite.yaml")
      let result = try Self.run(suite, place.path("output"))
      #expect(result.status == 3 && result.errors.contains(word), "\(result.errors)")
    }
  }

  /// Changes to the suite, and the names that the error must contain.
  static let sameDirectories: [(changes: [(old: String, new: String)], named: [String])] = [
    (
      [
        ("  small: {", "  a: {model: MODEL, pooling: mean}\n  a-b: {"),
        ("  words: {", "  b-c: {train: TRAIN, dev: DEV, test: DEV}\n  c: {"),
      ], ["model a with task b-c", "model a-b with task c", "a-b-c"]
    ),
    (
      [("  words: {", "  WORDS: {train: TRAIN, dev: DEV, test: DEV}\n  words: {")],
      ["WORDS", "words"]
    ),
    ([("  head: {", "  ours@2%: {")], ["ours@2%", "method ours"]),
    ([("  head: {", "  BitFit: {")], ["BitFit", "bitfit"]),
    ([("budgets: [2%, 20%]", "budgets: [2%, 2.00000001%]")], ["ours@2%", "budget"]),
    ([("  head: {", "  PARTS:bias+norm: {")], ["PARTS:bias+norm", "method parts:bias+norm"]),
    ([("  kinds: {", "  WALK: {groups: kind}\n  kinds: {")], ["WALK", "walk"]),
  ]

  @Test(
    "names that would share a directory are refused before anything runs",
    arguments: sameDirectories)
  func collisions(_ item: (changes: [(old: String, new: String)], named: [String])) throws {
    let place = try Workplace()
    let (suite, output) = (place.directory.path("suite.yaml"), place.directory.path("output"))
    try Self.write(place, to: suite)
    var text = try String(contentsOfFile: suite, encoding: .utf8)
    for (old, new) in item.changes {
      #expect(text.contains(old))
      text.replace(old, with: new, maxReplacements: 1)
    }
    for (name, path) in [("MODEL", place.model), ("TRAIN", place.train), ("DEV", place.dev)] {
      text.replace(name, with: path)
    }
    try text.write(toFile: suite, atomically: true, encoding: .utf8)
    let result = try Self.run(suite, output, "--overwrite")
    #expect([2, 3].contains(result.status), "\(result.status) \(result.errors)")
    for name in item.named { #expect(result.errors.contains(name), "\(result.errors)") }
    for made in ["/cells", "/probes"] {
      #expect(!FileManager.default.fileExists(atPath: output + made))
    }
  }

  @Test(
    "a suite is not replaced while another process works on it, and an end reports what is lost")
  func replacing() throws {
    let place = try Workplace()
    let (suite, output) = (place.directory.path("suite.yaml"), place.directory.path("output"))
    try Self.write(place, to: suite, steps: 4000)
    let (process, directory) = try PEFTProcess.start([
      "suite", suite, "--output", output, "--shard", "1/2",
    ])
    for _ in 0..<3000 where !FileManager.default.fileExists(atPath: output + "/cells") {
      usleep(10_000)
    }
    let refused = try Self.run(suite, output, "--overwrite")
    #expect(refused.status == 6 && refused.errors.contains("at work"), "\(refused.errors)")
    #expect(FileManager.default.fileExists(atPath: output + "/cells"))
    process.terminate()
    let ended = try PEFTProcess.finish(process, directory)
    #expect(ended.status == 5 && ended.errors.contains("is lost"), "\(ended.errors)")
  }

  @Test("processes with the same shard share its work, with the results of a single one")
  func sameShard() throws {
    let place = try Workplace()
    let suite = place.directory.path("suite.yaml")
    let (whole, shared) = (place.directory.path("whole"), place.directory.path("shared"))
    try Self.write(place, to: suite)
    #expect(try Self.run(suite, whole).status == 0)
    let processes = try ["1/2", "1/2", "2/2", "2/2"].map {
      try PEFTProcess.start(["suite", suite, "--output", shared, "--shard", $0])
    }
    for (process, directory) in processes {
      let result = try PEFTProcess.finish(process, directory)
      #expect(result.status == 0, "\(result.errors)")
    }
    let merged = try Self.run(suite, shared, "--merge")
    #expect(merged.status == 0, "\(merged.errors)")
    #expect(try Self.numbers(shared) == Self.numbers(whole))
  }

  @Test("the suite's file has the options of its runs; compare --suite is its earlier name")
  func options() throws {
    let place = try Workplace()
    let configuration = place.directory.path("c.yaml")
    try "workers: 1\nmethods: [lora]".write(
      toFile: configuration, atomically: true, encoding: .utf8)
    for command in [
      ["suite", "s.yaml"], ["compare", "--suite", "s.yaml"], ["compare", "--suite=s.yaml"],
    ] {
      for (extra, word) in [
        (["--model", "m"], "--model"), (["--seeds", "1"], "--seeds"), (["--steps=3"], "--steps"),
        (["--shard", "3/2"], "--shard 3/2"), (["--config", configuration], "methods"),
        (["--merge", "--overwrite"], "--merge"),
      ] {
        let (process, streams) = try PEFTProcess.start(command + ["--output", "o"] + extra)
        let result = try PEFTProcess.finish(process, streams)
        #expect(result.status == 2 && result.errors.contains(word), "\(result.errors)")
      }
      let (process, streams) = try PEFTProcess.start(command + ["--output", "o"])
      let missing = try PEFTProcess.finish(process, streams)
      #expect(missing.status == 3 && missing.errors.contains("s.yaml"), "\(missing.errors)")
    }
    #expect(try PEFTProcess.run("compare", "--output", "o", "--suite").status == 2)
    #expect(try PEFTProcess.run("compare", "--output", "o").status == 2)
    #expect(
      try PEFTProcess.run("compare", "--model", "m", "--train", "t", "--output", "o", "--merge")
        .status == 2)
  }

  @Test("without learning rates, every run finds its own")
  func usualRates() throws {
    let place = try Workplace()
    let (suite, output) = (place.directory.path("suite.yaml"), place.directory.path("output"))
    try Self.write(place, to: suite)
    let text = try String(contentsOfFile: suite, encoding: .utf8)
    let without = text.replacing("learning-rates: [1e-3, 1e-2]\n", with: "")
    #expect(without.count < text.count)
    try without.write(
      toFile: suite, atomically: true, encoding: .utf8)
    let first = try Self.run(suite, output)
    #expect(first.status == 0, "\(first.errors)")
    let rates = try Self.numbers(output).dropFirst().map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    func rate(_ method: String) -> Set<String> {
      Set(rates.filter { $0[1] == method }.map { $0[6] })
    }
    // Neither is one of the rates that were taken out of the file.
    #expect(rate("head").isDisjoint(with: ["0.001", "0.01"]) && rate("head").count <= 2)
    #expect(!rate("lora-r1").isEmpty && rate("lora-r1") != rate("head"))
    // Everything exists, so merging trains nothing and gives the same results.
    let merged = try Self.run(suite, output, "--merge")
    #expect(merged.status == 0, "\(merged.errors)")
  }

  @Test("only one process works in a directory")
  func locks() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    let arguments = [
      "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train, "--dev",
      place.dev, "--pooling",
      "mean", "--method", "full", "--steps", "100000", "--checkpoint-every", "20", "--output", run,
    ]
    let (process, directory) = try PEFTProcess.start(arguments)
    while process.isRunning, !FileManager.default.fileExists(atPath: run + "/checkpoint.json") {
      usleep(5000)
    }
    for extra in ["--resume", "--overwrite"] {
      let (second, place) = try PEFTProcess.start(arguments + [extra])
      let result = try PEFTProcess.finish(second, place)
      #expect(result.status == 6 && result.errors.contains("another process"), "\(result.errors)")
    }
    kill(process.processIdentifier, SIGKILL)
    _ = try PEFTProcess.finish(process, directory)
    // The lock of a killed process disappears with it.
    let (last, end) = try PEFTProcess.start(arguments + ["--resume"])
    func isGoingOn() throws -> Bool {
      String(decoding: try Data(contentsOf: end.url("err")), as: UTF8.self).contains(
        "resuming after")
    }
    while last.isRunning, try !isGoingOn() { usleep(5000) }
    #expect(last.isRunning)
    kill(last.processIdentifier, SIGKILL)
    _ = try PEFTProcess.finish(last, end)
  }
}
