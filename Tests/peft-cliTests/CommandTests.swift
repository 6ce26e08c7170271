import Foundation
import PEFTTensor
import TestSupport
import Testing

@Suite("Commands")
struct CommandTests {
  @Test("a model that has learned nothing is warned about, on every way out")
  func chance() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    let trained = try place.train(
      "--method", "head", "--output", run, "--steps", "1", "--learning-rate", "1e-12")
    #expect(trained.status == 0)
    #expect(trained.errors.contains("not distinguishably better than always answering \"no\""))
    #expect(trained.output.contains("dev baseline"))
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(page.contains("Warning: dev: ") && page.contains("Confusion matrix"))
    let evaluated = try PEFTProcess.run("evaluate", run, "--data", place.dev)
    #expect(evaluated.errors.contains("warning: these data: "))
    #expect(evaluated.output.contains("true class, by answer"))
    // A run of an earlier version knows nothing of its training labels.
    let path = run + "/run.json"
    var document = try #require(try JSONValue(contentsOf: path).object)
    for key in ["trainingTargets", "baseline", "confusion", "warnings"] { document[key] = nil }
    var files = try #require(document["files"]?.object)
    files["run.json"] = nil
    document["files"] = .object(files)
    document["format"] = .integer(1)
    try Data(JSONValue.object(document).text().utf8).write(to: URL(filePath: path))
    let old = try PEFTProcess.run("evaluate", run, "--data", place.dev, "--json")
    #expect(old.status == 0, "\(old.errors)")
    #expect(try old.document["baseline"]?["source"] == .string("evaluated"))
  }

  @Test(
    "train, evaluate and predict agree, for every method",
    arguments: [
      "full", "lora", "dora", "bitfit", "ia3", "id3", "speft", "rocoft", "lora-xs", "vera", "hra",
      "ether", "ether+", "propulsion", "hyperadapt", "c3a", "adalora", "lora-sp", "hiwi",
      "lorta", "spt", "pafi", "sparta", "pissa", "lora-sb", "randlora", "bipeft",
    ])
  func roundTrip(method: String) throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    // Those that train little, or near zeros, take larger steps.
    let rates = ["hiwi": "0.3"].merging(
      ["adalora", "lorta", "spt", "pafi", "sparta"].map { ($0, "3e-2") }
    ) { rate, _ in rate }
    let trained = try place.train(
      ["--method", method, "--output", run, "--steps", "40", "--batch-size", "16"]
        + ["--learning-rate", rates[method] ?? "3e-3", "--json"]
        + (method == "bipeft" ? ["--set", "share=0.05", "--set", "rounds=12"] : []))
    #expect(trained.status == 0, "\(trained.errors)")
    let result = try trained.document
    #expect(result["steps"] == .integer(40))
    #expect((result["trainable"]?.integer ?? 0) > 0)
    let accuracy = try #require(result["metrics"]?["accuracy"]?.double)
    #expect(accuracy > 0.9)

    let evaluated = try PEFTProcess.run("evaluate", run, "--data", place.dev, "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(try evaluated.document["examples"] == .integer(16))
    #expect(try evaluated.document["metrics"]?["accuracy"]?.double == accuracy)
    #expect(
      try evaluated.document["metrics"]?["loss"]?.double == result["metrics"]?["loss"]?.double)

    #expect(try evaluated.document["baseline"]?["source"] == .string("training"))
    #expect(try evaluated.document["baseline"]?["metrics"]?["accuracy"] == .number(0.5))
    #expect(try evaluated.document["warnings"] == .array([]))
    let confusion = try #require(try evaluated.document["confusion"]?["counts"]?.array)
    let diagonal = confusion.enumerated().reduce(0) {
      $0 + ($1.element.array?[$1.offset].integer ?? 0)
    }
    #expect(Double(diagonal) / 16 == accuracy)
    #expect(
      try evaluated.document["classes"]?.array?.map { $0["support"] } == [.integer(8), .integer(8)])
    #expect(result["baseline"]?["dev"]?["answer"] == .string("no"))

    let predicted = try PEFTProcess.run("predict", run, "--data", place.dev)
    let lines = try predicted.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
    #expect(lines.count == 16)
    let expected = try String(contentsOfFile: place.dev, encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: "\t")[1] }
    let right = zip(lines, expected).count { $0["label"]?.string == String($1) }
    #expect(Double(right) / 16 == accuracy)
    for line in lines {
      let sum = try #require(line["probabilities"]?.object).members.reduce(0) {
        $0 + ($1.value.double ?? 0)
      }
      #expect(abs(sum - 1) < 1e-9)
    }
  }

  @Test("a run in bf16 learns, says so, and repeats its bits; auto is one of the two")
  func precision() throws {
    let place = try Workplace()
    func run(_ precision: String) throws -> (accuracy: Double, settings: JSONValue, tensors: Data) {
      let run = place.directory.path(UUID().uuidString)
      let result = try place.train(
        "--method", "lora", "--output", run, "--steps", "40", "--batch-size", "16",
        "--learning-rate", "3e-3", "--precision", precision, "--json")
      #expect(result.status == 0, "\(result.errors)")
      return (
        try #require(try result.document["metrics"]?["accuracy"]?.double),
        try JSONValue(parsing: try Data(contentsOf: URL(filePath: run + "/settings.json"))),
        try Data(contentsOf: URL(filePath: run + "/trained.safetensors"))
      )
    }
    let first = try run("bf16")
    #expect(first.accuracy > 0.9)
    #expect(first.settings["precision"] == .string("bf16"))
    let second = try run("bf16")
    #expect(second.tensors == first.tensors)
    let exact = try run("fp32")
    #expect(exact.settings["precision"] == .string("fp32"))
    #expect(exact.tensors != first.tensors)
    #expect([first.tensors, exact.tensors].contains(try run("auto").tensors))
  }

  @Test("the same seed gives the same bits, twice; another seed does not")
  func reproducible() throws {
    let place = try Workplace()
    func tensors(_ name: String, seed: String) throws -> Data {
      let run = place.directory.path(name)
      let result = try place.train("--output", run, "--steps", "6", "--seed", seed, "--quiet")
      #expect(result.status == 0, "\(result.errors)")
      return try Data(contentsOf: URL(filePath: run + "/trained.safetensors"))
    }
    let first = try tensors("a", seed: "7")
    #expect(try tensors("b", seed: "7") == first)
    #expect(try tensors("c", seed: "8") != first)
  }

  @Test("a dry run writes nothing")
  func dryRun() throws {
    let place = try Workplace()
    let before = try FileManager.default.subpathsOfDirectory(atPath: place.directory.path)
    let result = try place.train("--dry-run", "--json", "--output", place.directory.path("run"))
    #expect(result.status == 0, "\(result.errors)")
    #expect((try result.document["memory"]?["total"]?.integer ?? 0) > 1 << 20)
    let after = try FileManager.default.subpathsOfDirectory(atPath: place.directory.path)
    #expect(before.sorted() == after.sorted())
  }

  @Test("an interrupted run is saved, and the command says so")
  func interrupted() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    let (process, streams) = try PEFTProcess.start([
      "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train,
      "--pooling", "mean", "--output", run,
      "--steps", "10000000",
    ])
    let isStarted = { FileManager.default.fileExists(atPath: run + "/environment.json") }
    for _ in 0..<3000 where process.isRunning && !isStarted() { usleep(10_000) }
    process.interrupt()
    // If a signal is ignored, the test must fail, not hang.
    for _ in 0..<3000 where process.isRunning { usleep(10_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    let result = try PEFTProcess.finish(process, streams)
    #expect(result.status == 5, "\(result.errors)")
    let manifest = try JSONValue(parsing: Data(contentsOf: URL(filePath: run + "/run.json")))
    #expect(manifest["ending"] == .string("interrupted"))
    #expect(try PEFTProcess.run("evaluate", run, "--data", place.dev).status == 0)
  }

  @Test("a run refuses another base model, and a changed file")
  func bound() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    #expect(try place.train("--output", run, "--steps", "2").status == 0)
    let tensors = URL(filePath: run + "/trained.safetensors")
    let whole = try Data(contentsOf: tensors)
    var broken = whole
    broken[broken.count - 1] ^= 1
    try broken.write(to: tensors)
    #expect(try PEFTProcess.run("evaluate", run, "--data", place.dev).status == 3)
    try whole.write(to: tensors)
    let weights = URL(filePath: place.model + "/model.safetensors")
    var other = try Data(contentsOf: weights)
    other[other.count - 1] ^= 1
    try other.write(to: weights)
    let result = try PEFTProcess.run("evaluate", run, "--data", place.dev)
    #expect(result.status == 3)
    let names = result.errors.contains("SHA-256")
    #expect(names)
  }

  @Test("invalid files end with 3 and leave no run")
  func badFiles() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    func refused(_ message: String, _ extra: String..., status: Int32 = 3) throws {
      let (process, streams) = try PEFTProcess.start(
        [
          "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train,
          "--output", run,
        ] + extra)
      let result = try PEFTProcess.finish(process, streams)
      let says = result.errors.contains(message)
      #expect(result.status == status && says, "\(message): \(result.status) \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: run))
    }
    try refused("maybe", "--dev", place.directory.write("x\tmaybe\n", to: "unseen.tsv"))
    try refused("line 2", "--dev", place.directory.write("x\tyes\ny\n", to: "short.tsv"))
    try refused("No such file", "--dev", place.directory.path("missing.tsv"))
    let weights = URL(filePath: place.model + "/model.safetensors")
    let whole = try Data(contentsOf: weights)
    try whole.dropLast(5).write(to: weights)
    try refused("model.safetensors")
    var nan = whole
    nan.replaceSubrange(nan.count - 4..<nan.count, with: [0, 0, 0xC0, 0x7F])
    try nan.write(to: weights)
    try refused("not finite")
    try Data("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".utf8)
      .write(to: weights)
    try refused("LFS")
    try whole.write(to: weights)
    let config = URL(filePath: place.model + "/config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    try Data(text.replacing("\"bert\"", with: "\"xlnet\"").utf8).write(to: config)
    try refused("xlnet")
  }

  @Test(
    "invalid options end with 2 and the message names valid ones",
    arguments: [
      (["--method", "magic"], "bitfit"), (["--epochs", "0"], "--epochs"),
      (["--epochs", "1", "--steps", "2"], "exclude"),
      (["--rank", "0", "--method", "lora"], "1024"),
      (["--targets", "nothing", "--method", "lora"], "query"), (["--max-length", "4000"], "128"),
      (["--precision", "fp64"], "fp32"), (["--nonsense"], "nonsense"),
      (["--workers", "0"], "1024"),
    ])
  func usage(arguments: [String], message: String) throws {
    let place = try Workplace()
    let (process, streams) = try PEFTProcess.start(
      [
        "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train,
        "--dry-run",
      ] + arguments)
    let result = try PEFTProcess.finish(process, streams)
    let says = result.errors.contains(message)
    #expect(result.status == 2 && says, "\(result.status): \(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test("data that cannot be re-read are refused, and a directory is not data")
  func pipes() throws {
    let place = try Workplace()
    let pipe = place.directory.path("pipe")
    try #require(mkfifo(pipe, 0o600) == 0)
    for (data, status) in [(pipe, Int32(3)), ("/dev/null", 3), (place.directory.path, 3)] {
      let result = try PEFTProcess.run(
        "train", "--learning-rate", "1e-3", "--model", place.model, "--train", data, "--format",
        "tsv", "--output",
        place.directory.path("run"))
      #expect(result.status == status && result.errors.contains(data), "\(result.errors)")
    }
    let typo = try PEFTProcess.run(
      "inspect", place.model, "--method", "lora", "--targets", "qurey", "--pooling", "mean")
    #expect(typo.status == 2 && typo.errors.contains("qurey"), "\(typo.errors)")
  }

  @Test("a run directory is not overwritten unless requested")
  func overwrite() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    #expect(try place.train("--output", run, "--steps", "1").status == 0)
    #expect(try place.train("--output", run, "--steps", "1").status == 6)
    #expect(try place.train("--output", run, "--steps", "1", "--overwrite").status == 0)
  }

  @Test("settings named by the libraries are printed as options, in errors and in notes")
  func settingNames() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    let refused = try place.train("--output", run, "--max-length", "1000")
    #expect(refused.status == 2)
    #expect(refused.errors.hasPrefix("peft: --max-length 1000: this model takes"))
    let misfit = try place.train("--output", run, "--method", "lora", "--targets", "qurey")
    #expect(misfit.status == 2 && misfit.errors.hasPrefix("peft: --targets: no linear layer"))
    let cut = try place.train("--output", run, "--max-length", "4", "--steps", "1")
    #expect(
      cut.status == 0
        && cut.errors.contains("texts (100 %) were cut to 4 tokens; --max-length 5 keeps all"))
    let again = try place.train("--output", run, "--max-length", "4", "--steps", "1")
    #expect(again.status == 6)
    #expect(again.errors.contains("; name another directory, or add --overwrite\n"))
    for result in [refused, misfit, cut, again] {
      #expect(!result.errors.contains("`"), "\(result.errors)")
    }
  }

  @Test("a run stores the command line that began it, quoted for a shell")
  func commandLine() throws {
    let place = try Workplace()
    let run = place.directory.path("it's a run")
    let trained = try place.train("--output", run, "--steps", "1", "--quiet")
    #expect(trained.status == 0, "\(trained.errors)")
    let environment = try JSONValue(
      parsing: Data(contentsOf: URL(filePath: run + "/environment.json")))
    let quoted = "'" + run.replacing("'", with: "'\\''") + "'"
    #expect(
      environment["command"]?.string
        == "peft train --learning-rate 1e-3 --model \(place.model) --train \(place.train) --dev \(place.dev) "
        + "--pooling mean --output \(quoted) --steps 1 --quiet")
  }

  @Test("a loss that is not finite ends with 4 and names the step")
  func nonFinite() throws {
    let place = try Workplace()
    let result = try place.train(
      "--output", place.directory.path("run"), "--steps", "50", "--learning-rate", "1e30")
    let says = result.errors.contains("step")
    #expect(result.status == 4 && says, "\(result.status): \(result.errors)")
  }

  @Test("a command without its bundled models says where it looked")
  func missingResources() throws {
    let place = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: PEFTProcess.executable.path, toPath: place.path("peft"))
    let process = Process()
    process.executableURL = place.url("peft")
    process.arguments = ["models", place.path("models")]
    let errors = Pipe()
    (process.standardError, process.standardOutput) = (errors, FileHandle.nullDevice)
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 3, "\(said)")
    #expect(said.contains(place.path) && said.contains("resources"), "\(said)")
  }

  @Test("quickstart leaves an existing run, its model and its data unchanged")
  func quickstartRefusal() throws {
    let place = try TemporaryDirectory()
    let run = place.path("run")
    for name in ["run", "run-model", "run-data"] {
      try FileManager.default.createDirectory(
        atPath: place.path(name), withIntermediateDirectories: false)
    }
    _ = try place.write("{}", to: "run/plan.json")
    let result = try PEFTProcess.run("quickstart", "--output", run)
    #expect(result.status == 6 && result.errors.contains("plan.json"), "\(result.errors)")
    for (name, files) in [("run", ["plan.json"]), ("run-model", []), ("run-data", [])] {
      #expect(try FileManager.default.contentsOfDirectory(atPath: place.path(name)) == files)
    }
  }

  @Test("an address space limit is detected before memory is allocated, and ends with 6")
  func limitedAddresses() throws {
    let place = try Workplace()
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    // The process itself takes a part of these 4 GB of address space; the model would take ten
    // times as much.
    process.arguments = [
      "-c", "ulimit -v 4000000; exec \"$0\" \"$@\"", PEFTProcess.executable.path, "pretrain",
      "--target",
      "causal", "--train", place.train, "--vocabulary-size", "300", "--hidden-size", "4096",
      "--layers",
      "12", "--heads", "8", "--output", place.directory.path("large"),
    ]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 6, "\(said)")
    #expect(said.contains("MiB"), "\(said)")
    #expect(!FileManager.default.fileExists(atPath: place.directory.path("large")))
  }

  @Test("results that cannot be written end with 6")
  func fullOutput() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec \"$0\" --help > /dev/full", PEFTProcess.executable.path]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 6 && said.contains("standard output"), "\(said)")
  }

  @Test("a run with a modified file is refused, without a crash")
  func tampered() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    #expect(
      try place.train("--method", "lora", "--rank", "3", "--output", run, "--steps", "1").status
        == 0)
    let path = run + "/run.json"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    for (found, forged) in [
      ("\"rank\": 3", "\"rank\": 4611686018427387904"),
      ("\"name\": \"lora\"", "\"name\": \"plan\", \"members\": [\"x\"]"),
      ("\"tokensPerSecond\": ", "\"tokensPerSecond\": 1e300, \"was\": "),
    ] {
      let changed = text.replacing(found, with: forged)
      #expect(changed != text, "\(found)")
      try changed.write(toFile: path, atomically: true, encoding: .utf8)
      let result = try PEFTProcess.run("evaluate", run, "--data", place.dev)
      #expect(result.status == 3, "\(forged): \(result.status) \(result.errors)")
    }
  }

  @Test("names in files and on the command line do not reach the terminal as commands")
  func escapes() throws {
    let place = try Workplace()
    let hostile = "x\u{1B}[2J\u{7}\u{9B}31m\u{202E}\u{2066}\u{200F}\u{61C}\u{2028}\ry"
    func isClean(_ text: String) -> Bool {
      !text.unicodeScalars.contains { scalar in
        scalar != "\n" && (scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value))
          || [0x61C, 0x200F, 0x2028, 0x202E, 0x2066].contains(scalar.value)
      }
    }
    let model = place.directory.path("hostile")
    try FileManager.default.copyItem(atPath: place.model, toPath: model)
    let path = model + "/config.json"
    let configuration = try String(contentsOfFile: path, encoding: .utf8)
    let activation = JSONValue.string(hostile).text()
    try configuration.replacing("\"gelu\"", with: activation)
      .write(toFile: path, atomically: true, encoding: .utf8)
    #expect(configuration.contains("\"gelu\""))
    let options = try place.directory.write(
      "\(VisibleText.json(activation)): 1\n", to: "options.yaml")
    let labels = try place.directory.write("good\t\(hostile)\nbad\t\(hostile)\n", to: "labels.tsv")
    for arguments in [
      ["inspect", model], ["inspect", place.model + hostile], ["inspect", model, "--" + hostile],
      ["train", "--config", options], [hostile],
      [
        "train", "--learning-rate", "1e-3", "--model", place.model, "--train", labels, "--output",
        place.directory.path("o"),
      ],
    ] {
      let (process, streams) = try PEFTProcess.start(arguments)
      let result = try PEFTProcess.finish(process, streams)
      #expect(
        [2, 3].contains(result.status) && result.errors.contains("x"),
        "\(arguments): \(result.errors)")
      #expect(isClean(result.errors) && isClean(result.output), "\(arguments): \(result.errors)")
    }
    let rows = try place.directory.write(
      "good\t\(hostile.replacing("\r", with: ""))\nbad\tno\n", to: "two.tsv")
    let run = place.directory.path("run")
    #expect(
      try PEFTProcess.run(
        "train", "--learning-rate", "1e-3", "--model", place.model, "--train", rows, "--pooling",
        "mean", "--method", "head",
        "--steps", "1", "--output", run
      ).status == 0)
    let predicted = try PEFTProcess.run("predict", run, "--data", rows)
    #expect(predicted.status == 0 && isClean(predicted.output), "\(predicted.errors)")
    let first = try #require(predicted.output.split(separator: "\n").first)
    let names = try JSONValue(parsing: first.utf8)["probabilities"]?.object?.members.map(\.key)
    #expect(names?.contains(hostile.replacing("\r", with: "")) == true)
  }

  @Test("tokenize, inspect and doctor print their documented output")
  func smallCommands() throws {
    let place = try Workplace()
    let ids = try PEFTProcess.run("tokenize", place.model, input: "good bad\n\nred\n")
    #expect(ids.status == 0)
    let lines = ids.output.split(separator: "\n").compactMap {
      try? JSONValue(parsing: $0.utf8).array?.count
    }
    #expect(lines == [4, 2, 3])
    let inspected = try PEFTProcess.run("inspect", place.model, "--method", "norm", "--json")
    let document = try inspected.document
    let groups = document["groups"]?.array ?? []
    #expect(
      groups.reduce(0) { $0 + ($1["parameters"]?.integer ?? 0) } == document["parameters"]?.integer)
    #expect(document["architecture"] == .string("bert"))
    let doctor = try PEFTProcess.run("doctor", "--json")
    #expect(doctor.status == 0)
    #expect(try doctor.document["selfTest"] == .bool(true))
    let crowded = try PEFTProcess.run("doctor", "--json", "--workers", "1000")
    #expect(crowded.errors.contains("--workers 1000"))
    let cores = try doctor.document["cores"]?.integer ?? 0
    #expect(try crowded.document["workers"]?.integer ?? .max <= max(cores, 1))
    // Every x86-64 processor supports this core type; if there is a better one, the command warns
    // of its cost.
    let slowed = try PEFTProcess.run(
      "doctor", "--json", environment: ["OPENBLAS_CORETYPE": "Nehalem"]
    ).document
    #expect((slowed["coreTypeFactor"]?.double == nil) == (slowed["warnings"]?.array == []))
    let forced = try PEFTProcess.run("doctor", "--json", environment: ["PEFT_ISA": "baseline"])
    #expect(try forced.document["instructionSet"] == .string("baseline"))
    #expect(try forced.document["gigaflopsBFloat16OneWorker"]?.double ?? 0 > 0)
    #expect(try PEFTProcess.run("doctor", environment: ["PEFT_ISA": "mmx"]).status == 2)
    let tiled = try PEFTProcess.run("doctor", environment: ["PEFT_ISA": "amx"])
    let sets = try doctor.document["supportedInstructionSets"]?.array ?? []
    #expect(tiled.status == (sets.contains(.string("amx")) ? 0 : 2))
  }
}
