import Foundation
import PEFTTensor
import Testing

/// State files with numbers that no run has written, and matching digests.
@Suite("Forged state")
struct ForgedStateTests {
  private let place: Workplace
  private let shim: FaultShim

  init() throws {
    place = try Workplace()
    shim = try FaultShim()
  }

  private func run(_ arguments: [String], _ environment: [String: String] = [:]) throws
    -> PEFTProcess
  {
    let (process, streams) = try PEFTProcess.start(arguments, environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  /// Runs a job and kills it once `manifest` exists.
  private func begin(_ arguments: [String], until manifest: String) throws {
    for call in stride(from: 20, to: 1000, by: 8) {
      let ended = try run(arguments + ["--overwrite"], shim.environment("kill", at: call))
      try #require(ended.status == -SIGKILL, "\(ended.errors)")
      if FileManager.default.fileExists(atPath: manifest) { return }
    }
    Issue.record("\(manifest) was never there")
  }

  /// Rewrites a safetensors file with other metadata or integers, and puts its new digest into
  /// `manifest`.
  private func forge(
    _ path: String, manifest: String, metadata: [String: String] = [:],
    integers: ((String, [Int64]) -> [Int64])? = nil
  ) throws {
    let old = try Fingerprint.file(path)
    let reader = try SafetensorsReader(path: path)
    let outputs = try reader.tensorNames.map { name in
      let shape = try #require(reader.entry(name)).shape
      guard let integers else {
        return SafetensorsOutput(name: name, shape: shape, floats: try reader.floats(of: name))
      }
      return SafetensorsOutput(
        name: name, shape: shape, integers: integers(name, try reader.integers(of: name)))
    }
    try SafetensorsWriter.write(
      outputs, metadata: reader.metadata.merging(metadata) { $1 }, to: path)
    let text = try String(contentsOfFile: manifest, encoding: .utf8)
    try text.replacing(old, with: Fingerprint.file(path))
      .write(toFile: manifest, atomically: true, encoding: .utf8)
  }

  /// The number of probes of the newest state.
  private func probes(_ manifest: String) throws -> Int? {
    try JSONValue(contentsOf: manifest)["states"]?.array?.first?["probes"]?.integer
  }

  private func refuses(_ result: PEFTProcess, naming words: [String]) {
    #expect(result.status == 3, "\(result.status): \(result.errors)")
    for word in words {
      let isNamed = result.errors.contains(word)
      #expect(isNamed, "\(word): \(result.errors)")
    }
  }

  @Test("times and counts of a training run's state")
  func training() throws {
    let output = place.directory.path("run")
    let arguments = [
      "train", "--learning-rate", "1e-3", "--model", place.model, "--train", place.train,
      "--pooling", "mean", "--method",
      "bitfit", "--steps", "4", "--checkpoint-every", "1", "--quiet", "--output", output,
    ]
    let manifest = output + "/checkpoint.json"
    try begin(arguments, until: manifest)
    let file = try #require(
      JSONValue(contentsOf: manifest)["states"]?.array?.first?["files"]?.object?.keys.first)
    let path = output + "/" + file
    let whole = try (
      Data(contentsOf: URL(filePath: path)), Data(contentsOf: URL(filePath: manifest))
    )
    for (key, value) in [
      ("seconds", "9223372036854775807"), ("seconds", "1e300"), ("seconds", "inf"),
      ("seconds", "-1"), ("warmSeconds", "nan"), ("warmTokens", "9223372036854775807"),
      ("warmTokens", "-1"), ("evaluationIsDue", "2"),
    ] {
      try forge(path, manifest: manifest, metadata: [key: value])
      refuses(try run(arguments + ["--resume"]), naming: [file, key])
      try whole.0.write(to: URL(filePath: path))
      try whole.1.write(to: URL(filePath: manifest))
    }
    #expect(try run(arguments + ["--resume"]).status == 0)
    let document = try String(contentsOfFile: output + "/run.json", encoding: .utf8)
    for (key, value) in [
      ("steps", "9223372036854775807"), ("steps", "-1"), ("seconds", "1e300"), ("trainable", "0"),
      ("tokensPerSecond", "-1"), ("parameters", "9223372036854775807"),
    ] {
      let forged = document.replacing(
        try Regex("\"\(key)\": ?[-0-9.e]+"), with: "\"\(key)\":\(value)", maxReplacements: 1)
      try forged.write(toFile: output + "/run.json", atomically: true, encoding: .utf8)
      let result = try run(arguments + ["--resume"])
      #expect(result.status == 3, "\(key) \(value): \(result.errors)")
    }
  }

  @Test(
    "examples, slopes and variances of a probe's records",
    arguments: [
      (0, 1 << 62), (0, Int64.max), (0, 0), (0, -1), (0, 1 << 51),
      (1, Int64(bitPattern: Double.nan.bitPattern)),
    ])
  func probe(_ position: Int, _ value: Int64) throws {
    let output = place.directory.path("probe")
    let arguments = [
      "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--groups",
      "kind", "--head-steps", "2", "--batch-size", "8", "--direction-batches", "2",
      "--probe-batches", "4", "--quiet", "--output", output,
    ]
    let manifest = output + "/probe-checkpoint.json"
    for call in stride(from: 8, to: 400, by: 3) {
      let ended = try run(arguments + ["--overwrite"], shim.environment("kill", at: call))
      try #require(ended.status == -SIGKILL, "\(ended.errors)")
      let done = (try? probes(manifest)) ?? 0
      if done > 1 { break }
    }
    let done = try #require(try probes(manifest))
    try #require(done > 1)
    try forge(
      output + "/probe-records-\(done).safetensors", manifest: manifest,
      integers: { name, values in
        guard name == "record.0" || (name == "record.1" && position == 0) else { return values }
        var values = values
        values[position] = value
        return values
      })
    refuses(
      try run(arguments + ["--resume"]), naming: ["probe-records-\(done)", "record.0"])
  }

  @Test("the numbers of a model trained from scratch")
  func pretraining() throws {
    let output = place.directory.path("scratch")
    let arguments = [
      "pretrain", "--target", "causal", "--train", place.train, "--vocabulary-size", "280",
      "--hidden-size", "16", "--layers", "1", "--heads", "1", "--context", "32", "--steps", "2",
      "--batch-tokens", "64", "--quiet", "--output", output, "--resume",
    ]
    #expect(try run(arguments).status == 0)
    #expect(try run(arguments).status == 0)
    let path = output + "/pretraining.json"
    let document = try #require(JSONValue(contentsOf: path).object)
    for (key, value) in [
      ("seconds", JSONValue.number(1e300)), ("seconds", .number(-1)), ("seconds", .string("1")),
      ("tokensSeen", .number(1e300)), ("tokensSeen", .integer(.max)), ("tokensSeen", .integer(-1)),
      ("steps", .integer(.max)), ("parameters", .integer(.min)), ("parameters", .null),
    ] {
      var forged = document
      forged[key] = value
      try JSONFile.write(.object(forged), to: path)
      refuses(try run(arguments), naming: ["pretraining.json", key])
    }
  }
}
