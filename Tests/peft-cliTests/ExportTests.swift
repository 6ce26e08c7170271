import Foundation
import PEFTTensor
import Testing

/// Exports by the command; `Tests/Interoperability` checks that other tools can read them.
@Suite("Exporting")
struct ExportTests {
  private let place: Workplace

  init() throws { place = try Workplace() }

  private func run(_ name: String, _ options: [String], pooling: String = "first") throws -> String
  {
    let run = place.directory.path(name)
    let (process, streams) = try PEFTProcess.start(
      [
        "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--steps",
        "30",
        "--batch-size", "16", "--learning-rate", "3e-3", "--pooling", pooling, "--output", run,
        "--quiet",
      ] + options)
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(result.errors)")
    return run
  }

  private func predictions(_ arguments: String...) throws -> [[Double]] {
    let (process, streams) = try PEFTProcess.start(
      ["predict"] + arguments + ["--data", place.dev])
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(result.errors)")
    return try result.output.split(separator: "\n").map {
      try JSONValue(parsing: $0.utf8)["logits"]?.array?.compactMap(\.double) ?? []
    }
  }

  /// Exports a run as an adapter.
  private func adapter(of run: String) throws -> String {
    let adapter = place.directory.path("adapter")
    let result = try PEFTProcess.run("export", run, "--format", "peft", "--output", adapter)
    try #require(result.status == 0, "\(result.errors)")
    return adapter
  }

  /// The largest difference; infinite if the shapes differ.
  private func distance(_ one: [[Double]], _ other: [[Double]]) -> Double {
    guard one.map(\.count) == other.map(\.count), !one.isEmpty else { return .infinity }
    return zip(one.joined(), other.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  @Test(
    "each format gives the run's logits when it is used",
    arguments: [
      ["lora", "--rank", "3"], ["bitfit"], ["norm"], ["head"], ["full"],
      ["dora", "--rank", "3"], ["ia3"], ["id3", "--set", "share=0.01"],
      ["id3", "--set", "share=0.01", "--set", "strategy=repeat"],
      ["speft"], ["speft", "--set", "by=random", "--set", "reselect-every=2"],
      ["rocoft", "--set", "by=gradient"], ["rocoft", "--set", "lines=columns"],
      ["lora-xs", "--rank", "3"],
      ["lora-xs", "--set", "frames=random"],
      ["lora-sb", "--rank", "3", "--set", "first-rate=1e-3"], ["randlora", "--rank", "6"],
      ["vera"], ["hra"], ["ether"], ["ether+"], ["propulsion"], ["hyperadapt"], ["c3a"],
      ["adalora", "--rank", "2"], ["lora-sp"],
      ["hiwi"], ["hiwi", "--set", "of=weight"], ["lorta"],
      ["spt", "--rank", "2", "--set", "share=0.05"],
      ["bipeft", "--set", "share=0.1", "--set", "rounds=6"],
      ["lora", "--set", "scaling=root-rank", "--set", "b-rate=8"],
      ["lora", "--set", "start=gradient", "--set", "trained=b"],
      ["pissa", "--rank", "3"],
    ])
  func forms(method: [String]) throws {
    let run = try run("run", ["--method"] + method)
    let expected = try predictions(run)
    #expect(expected.count == 16 && expected.allSatisfy { $0.count == 2 })
    // The base has no pooler; the run initialised one, and it belongs to the run.
    let trained = try JSONValue(contentsOf: run + "/run.json")["metrics"]?["dev"]?["loss"]
    let measured = try PEFTProcess.run("evaluate", run, "--data", place.dev, "--json")
    #expect(try measured.document["metrics"]?["loss"] == trained)
    for form in ["merged", "delta", "peft"] {
      let output = place.directory.path(form)
      let result = try PEFTProcess.run(
        "export", run, "--format", form, "--output", output, "--json")
      #expect(result.status == 0, "\(form): \(result.errors)")
      let difference = try #require(try result.document["largestDifference"]?.double)
      #expect(difference < 1e-5)
      let found =
        switch form {
        case "merged": try predictions(output)
        case "delta": try predictions(output, "--model", place.model)
        default: try predictions(place.model, "--adapter", output)
        }
      #expect(distance(found, expected) < (form == "delta" ? 1e-30 : 1e-5), "\(form)")
    }
    let applied = place.directory.path("applied")
    #expect(
      try PEFTProcess.run(
        "apply", place.directory.path("delta"), "--model", place.model, "--output", applied
      ).status == 0)
    #expect(
      FileManager.default.contentsEqual(
        atPath: applied + "/model.safetensors",
        andPath: place.directory.path("merged/model.safetensors")))
    let labels = try JSONValue(contentsOf: applied + "/config.json")["label2id"]
    #expect(labels == .object(["no": .integer(0), "yes": .integer(1)]))
  }

  @Test("a run and its base may move; another base is refused")
  func moved() throws {
    let run = try run("run", ["--method", "lora"])
    let expected = try predictions(run)
    let (there, base) = (place.directory.path("there"), place.directory.path("base"))
    try FileManager.default.moveItem(atPath: run, toPath: there)
    try FileManager.default.moveItem(atPath: place.model, toPath: base)
    #expect(try predictions(there, "--model", base) == expected)
    let lost = try PEFTProcess.run("verify", there)
    #expect(lost.status == 3)
    let remedies = lost.errors.contains("--model")
    #expect(remedies, "\(lost.errors)")
    let verified = try PEFTProcess.run("verify", there, "--model", base, "--json")
    #expect(try verified.document["run"]?["method"] == .string("lora"))
    let weights = URL(filePath: base + "/model.safetensors")
    var bytes = try Data(contentsOf: weights)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: weights)
    for arguments in [["verify"], ["apply", "--output", place.directory.path("none")]] {
      let (process, streams) = try PEFTProcess.start(
        [arguments[0], there, "--model", base] + arguments.dropFirst())
      #expect(try PEFTProcess.finish(process, streams).status == 3)
    }
    #expect(!FileManager.default.fileExists(atPath: place.directory.path("none")))
  }

  @Test("a head that does not fit its problem type is refused by name")
  func problemTypes() throws {
    let run = try run("run", ["--method", "bitfit"])
    let merged = place.directory.path("merged")
    #expect(
      try PEFTProcess.run("export", run, "--format", "merged", "--output", merged).status == 0)
    let config = URL(filePath: merged + "/config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    for (problem, status) in [
      ("single_label_classification", Int32(0)), ("multi_label_classification", 0),
      ("regression", 3),
    ] {
      let changed = text.replacing("\"single_label_classification\"", with: "\"\(problem)\"")
      #expect((changed == text) == (problem == "single_label_classification"))
      try Data(changed.utf8).write(to: config)
      let result = try PEFTProcess.run("evaluate", merged, "--data", place.dev)
      #expect(result.status == status, "\(result.errors)")
      #expect((result.errors.contains("problem_type")) == (status == 3))
    }
  }

  @Test(
    "an adapter continues training from where it was",
    arguments: [
      (["lora", "--rank", "3"], "rank", JSONValue.integer(3)),
      (["dora", "--rank", "3"], "rank", .integer(3)),
      (["ia3", "--set", "feedforward="], "feedforward", .array([])),
      (["vera", "--rank", "5"], "rank", .integer(5)),
      (["hra", "--rank", "2"], "rank", .integer(2)),
      (["randlora", "--rank", "7"], "rank", .integer(7)),
      (["c3a", "--set", "block=16"], "block", .integer(16)),
      (["lora", "--set", "scaling=root-rank"], "scaling", .string("root-rank")),
    ])
  func furtherTraining(method: [String], setting: String, value: JSONValue) throws {
    let run = try run("run", ["--method"] + method)
    let adapter = try adapter(of: run)
    let more = try self.run(
      "more", ["--adapter", adapter, "--steps", "1", "--learning-rate", "1e-12"])
    #expect(distance(try predictions(more), try predictions(run)) < 1e-5)
    let manifest = try JSONValue(contentsOf: more + "/run.json")
    #expect(manifest["method"]?["name"] == .string(method[0]))
    #expect(manifest["method"]?[setting] == value)
    #expect(manifest["trainable"] == (try JSONValue(contentsOf: run + "/run.json"))["trainable"])
  }

  @Test("single elements leave as a SHiRA of their size, which trains further")
  func sparse() throws {
    let run = try run("run", ["--method", "speft", "--set", "entries=5"])
    let adapter = try adapter(of: run)
    let settings = try JSONValue(contentsOf: adapter + "/adapter_config.json")
    #expect(settings["peft_type"] == .string("SHIRA") && settings["r"] == .integer(1))
    let saved = settings["modules_to_save"]?.array?.compactMap(\.string) ?? []
    #expect(!saved.contains { $0.contains("layer") })
    let more = try self.run(
      "more", ["--adapter", adapter, "--steps", "1", "--learning-rate", "1e-12"])
    #expect(distance(try predictions(more), try predictions(run)) < 1e-5)
    let manifest = try JSONValue(contentsOf: more + "/run.json")
    #expect(manifest["method"]?["name"] == .string("plan"))
    // Elements that the first run did not change are not told from those that fill up the file.
    let tensors = try SafetensorsReader(path: adapter + "/adapter_model.safetensors")
    let elements = try tensors.tensorNames.filter { $0.hasSuffix("shira_weight") }.reduce(0) {
      $0 + (try tensors.floats(of: $1).count { $0 != 0 })
    }
    // The pooler, which the base lacks, is in the file as a whole.
    let head = tensors.tensorNames.filter { $0.contains(".classifier.") }.reduce(0) {
      $0 + (tensors.entry($1)?.elementCount ?? 0)
    }
    #expect(elements > 0 && manifest["trainable"] == .integer(elements + head))
  }

  @Test("an adapter's head of another size is initialised again; its LoRA matrices are kept")
  func otherHead() throws {
    let run = try run("run", ["--method", "lora", "--rank", "3"])
    let adapter = try adapter(of: run)
    let three = try place.directory.write(
      (0..<24).map { "red \($0 % 3) word\t\(["a", "b", "c"][$0 % 3])\n" }.joined(),
      to: "three.tsv")
    let more = place.directory.path("more")
    for _ in 0..<2 {
      // The second time, the run has already ended, and the command says so.
      let result = try PEFTProcess.run(
        "train", "--learning-rate", "1e-3", "--model", place.model, "--train", three, "--adapter",
        adapter, "--steps", "2",
        "--output", more, "--resume", "--pooling", "first")
      #expect(result.status == 0, "\(result.errors)")
    }
    let manifest = try JSONValue(contentsOf: more + "/run.json")
    #expect(manifest["method"]?["rank"] == .integer(3))
    #expect(manifest["task"]?["labels"]?.array?.count == 3)
  }

  @Test("adapters of other kinds, of other models and with patterns are refused by name")
  func refusals() throws {
    let run = try run("run", ["--method", "lora"])
    let adapter = try adapter(of: run)
    let path = adapter + "/adapter_config.json"
    let whole = try String(contentsOfFile: path, encoding: .utf8)
    for (old, new, word) in [
      ("\"LORA\"", "\"LOHA\"", "peft_type"),
      ("\"use_dora\": false", "\"use_dora\": true", "magnitude"),
      ("\"use_dora\": false", "\"lora_bias\": true", "lora_bias"),
      ("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"layer.[0-9\": 3}", "alpha_pattern"),
      ("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "init_lora_weights"),
      ("\"SEQ_CLS\"", "\"QUESTION_ANS\"", "task_type"),
      ("\"lora_alpha\": 16.0", "\"lora_alpha\": \"x\"", "lora_alpha"),
    ] {
      try whole.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
      let result = try PEFTProcess.run(
        "evaluate", place.model, "--adapter", adapter, "--data", place.dev)
      #expect(result.status == 3, "\(word)")
      let isNamed = result.errors.contains(word)
      #expect(isNamed, "\(word): \(result.errors)")
    }
    let mean = try self.run("mean", ["--method", "head"], pooling: "mean")
    for form in ["merged", "peft"] {
      let result = try PEFTProcess.run(
        "export", mean, "--format", form, "--output", place.directory.path("mean-" + form))
      #expect(result.status == 3)
      let isNamed = result.errors.contains("--pooling")
      #expect(isNamed)
      #expect(!FileManager.default.fileExists(atPath: place.directory.path("mean-" + form)))
    }
    #expect(
      try PEFTProcess.run(
        "export", mean, "--format", "delta", "--output", place.directory.path("mean-delta")
      ).status == 0)
    let full = try PEFTProcess.run(
      "export", run, "--format", "delta", "--output", place.directory.path("mean-delta"))
    #expect(full.status == 6)
    // Neither the base nor the run is overwritten by an export.
    let before = try Data(contentsOf: URL(filePath: place.model + "/model.safetensors"))
    for output in [place.model, run, run + "/../run"] {
      #expect(
        try PEFTProcess.run(
          "export", run, "--format", "merged", "--output", output, "--overwrite"
        ).status == 6)
    }
    #expect(try Data(contentsOf: URL(filePath: place.model + "/model.safetensors")) == before)
  }

  @Test("events are written for TensorBoard, each with its checksums")
  func events() throws {
    let run = try run("run", ["--method", "head"])
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: run).first { $0.contains("tfevents") })
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: run + "/" + name)))
    func number(_ start: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * $1) }
    }
    var (place, records) = (0, 0)
    while place < bytes.count {
      let length = Int(number(place, 8))
      #expect(number(place + 8, 4) == UInt64(masked(bytes[place..<place + 8])))
      let body = bytes[place + 12..<place + 12 + length]
      #expect(number(place + 12 + length, 4) == UInt64(masked(body)))
      place += 16 + length
      records += 1
    }
    // The version, one record per step, and the evaluations after the only pass and at the end.
    let rows = try String(contentsOfFile: run + "/metrics.csv", encoding: .utf8)
      .split(separator: "\n").dropFirst().map { $0.split(separator: ",")[0] }
    #expect(records == 1 + 30 + Set(rows).count)
    let lines = try String(contentsOfFile: run + "/events.jsonl", encoding: .utf8)
      .split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
    #expect(lines.first?["event"] == .string("begin"))
    #expect(lines.last?["ending"] == .string("finished"))
    #expect(lines.count { $0["event"] == .string("step") } == 30)
  }

  /// CRC-32C bit by bit, masked as in record files.
  private func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var sum = ~UInt32(0)
    for byte in bytes {
      for bit in 0..<8 {
        let isSet = (sum ^ UInt32(byte >> bit)) & 1 == 1
        sum = sum >> 1 ^ (isSet ? 0x82F6_3B78 : 0)
      }
    }
    sum = ~sum
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
