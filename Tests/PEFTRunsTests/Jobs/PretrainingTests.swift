import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import Testing

@Suite("Pretraining", .serialized)
struct PretrainingTests {
  private let root = FileManager.default.temporaryDirectory
    .appending(path: "peft-pretraining-\(UUID().uuidString)").path

  /// A job on a text in which every word follows from the previous one.
  private func job(_ target: PretrainingJob.Target) throws -> PretrainingJob {
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    let verse = "one two three four five six seven eight nine ten\n"
    try String(repeating: verse, count: 60).write(
      toFile: root + "/train.txt", atomically: true, encoding: .utf8)
    try String(repeating: verse, count: 4).write(
      toFile: root + "/dev.txt", atomically: true, encoding: .utf8)
    var job = PretrainingJob()
    job.target = target
    job.trainPaths = [root + "/train.txt"]
    job.devPath = root + "/dev.txt"
    job.vocabularySize = 290
    (job.hiddenSize, job.layerCount, job.headCount, job.context) = (16, 2, 2, 16)
    job.settings.length = .steps(30)
    job.settings.batches = BatchPlan(size: .tokens(128))
    job.settings.learningRate = 1e-2
    job.settings.evaluationInterval = 7
    job.checkpointInterval = 4
    return job
  }

  @Test(
    "learns, and its directory is an ordinary model directory",
    arguments: PretrainingJob.Target.allCases
  )
  func learns(target: PretrainingJob.Target) throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    var job = try job(target)
    job.settings.length = .steps(target == .causal ? 60 : 250)
    job.isHalf = true
    let prepared = try job.prepare(output: root + "/m", resuming: false, overwriting: false)
    let outcome = try #require(try prepared.run(shouldStop: { false }) { _ in })
    let first = Double(prepared.model.configuration.vocabularySize)
    let last = try #require(outcome.bestMetrics.first { $0.name == "perplexity" }).value
    #expect(last < 0.1 * first, "perplexity \(last)")
    let (model, report) = try TransformerModel.load(
      directory: root + "/m", output: .vocabulary,
      using: SeededGenerator(seed: 1, purpose: "unused"))
    #expect(report.newlyInitialized.isEmpty && report.unused.isEmpty)
    #expect(model.parameterCount == prepared.model.parameterCount)
    for (mine, theirs) in zip(model.parameters, prepared.model.parameters) {
      // Rounded to half precision.
      #expect(mine.parameter.value.relativeError(to: theirs.parameter.value) < 1e-3)
    }
    #expect(!FileManager.default.fileExists(atPath: root + "/m/checkpoint.json"))
    let document = try JSONValue(contentsOf: root + "/m/pretraining.json")
    #expect(document["tokensSeen"]?.integer ?? 0 > 0)
  }

  @Test("an interrupted run resumes to the same bits", arguments: PretrainingJob.Target.allCases)
  func resumes(target: PretrainingJob.Target) throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    var job = try job(target)
    job.settings.usesDropout = true
    let whole = try job.prepare(output: root + "/whole", resuming: false, overwriting: false)
    _ = try #require(try whole.run(shouldStop: { false }) { _ in })
    for stops in [[3], [9, 20], [1, 2, 29]] {
      let output = root + "/parts"
      var resuming = false
      for stop in stops {
        let part = try job.prepare(output: output, resuming: resuming, overwriting: true)
        var steps = part.stepsDone
        let outcome = try part.run(shouldStop: { steps == stop }) {
          if case .step(let report) = $0 { steps = report.numbers.step }
        }
        #expect(outcome == nil && steps == stop)
        #expect(!FileManager.default.fileExists(atPath: output + "/model.safetensors"))
        resuming = true
      }
      let last = try job.prepare(output: output, resuming: true, overwriting: false)
      #expect(last.stepsDone == stops.last)
      _ = try #require(try last.run(shouldStop: { false }) { _ in })
      #expect(
        FileManager.default.contentsEqual(
          atPath: root + "/whole/model.safetensors", andPath: output + "/model.safetensors"))
      #expect(try Self.curve(root + "/whole") == Self.curve(output))
    }
  }

  /// Steps, losses, rates and norms, without the seconds, which differ.
  private static func curve(_ directory: String) throws -> [[Substring]] {
    try String(contentsOfFile: directory + "/steps.csv", encoding: .utf8)
      .split(separator: "\n").map { Array($0.split(separator: ",").prefix(5)) }
  }

  @Test("a checkpoint of other options or other text is refused")
  func otherRecipe() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let job = try job(.causal)
    let output = root + "/m"
    _ = try job.prepare(output: output, resuming: false, overwriting: false)
      .run(shouldStop: { true }) { _ in }
    var other = job
    other.settings.learningRate = 2e-2
    #expect(throws: FileError.self) {
      try other.prepare(output: output, resuming: true, overwriting: false)
    }
    try "other text, and more of it\n".write(
      toFile: root + "/train.txt", atomically: true, encoding: .utf8)
    #expect(throws: FileError.self) {
      try job.prepare(output: output, resuming: true, overwriting: false)
    }
  }

  @Test("a finished model is not that of a job that accumulates other numbers of batches")
  func otherAccumulation() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    var job = try job(.causal)
    job.settings.length = .steps(1)
    job.settings.accumulation = 2
    let output = root + "/m"
    _ = try job.prepare(output: output, resuming: false, overwriting: false)
      .run(shouldStop: { false }) { _ in }
    #expect(try job.finishedRun(in: output) != nil)
    for other in [1, 3] {
      job.settings.accumulation = other
      let error = #expect(throws: FileError.self) { try job.finishedRun(in: output) }
      #expect(error?.description.contains("accumulate") == true, "\(error?.description ?? "")")
    }
  }

  @Test("without a checkpoint, resuming begins a run, but not among other people's files")
  func beginning() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    var job = try job(.causal)
    job.settings.length = .steps(2)
    let output = root + "/new"
    #expect(try job.prepare(output: output, resuming: true, overwriting: false).stepsDone == 0)
    // Somebody else's temporary file is kept.
    try "".write(toFile: output + "/.config.json.1.partial", atomically: true, encoding: .utf8)
    let begun = try job.prepare(output: output, resuming: true, overwriting: false)
    #expect(try job.finishedRun(in: output) == nil)
    _ = try begun.run(shouldStop: { false }) { _ in }
    #expect(FileManager.default.fileExists(atPath: output + "/.config.json.1.partial"))
    #expect(try job.finishedRun(in: output)?["steps"] == .integer(2))
    var other = job
    other.hiddenSize *= 2
    #expect(throws: FileError.self) { try other.finishedRun(in: output) }
    try FileManager.default.createDirectory(
      atPath: root + "/others", withIntermediateDirectories: true)
    for name in ["notes.txt", "vocab.json"] {
      try "mine".write(toFile: root + "/others/\(name)", atomically: true, encoding: .utf8)
      #expect(throws: FileError.self) {
        try job.prepare(output: root + "/others", resuming: true, overwriting: false)
      }
      try FileManager.default.removeItem(atPath: root + "/others/\(name)")
    }
    try "other text, and more of it\n".write(
      toFile: root + "/train.txt", atomically: true, encoding: .utf8)
    #expect(throws: FileError.self) { try job.finishedRun(in: output) }
  }

  @Test("only one process writes a directory at a time")
  func locked() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let job = try job(.causal)
    let begun = try job.prepare(output: root + "/m", resuming: false, overwriting: false)
    #expect {
      try job.prepare(output: root + "/m", resuming: false, overwriting: true)
    } throws: { error in "\(error)".contains("at work") }
    let outcome = try begun.run(shouldStop: { true }) { _ in }
    #expect(outcome == nil)
  }

  @Test("a checkpoint with other dev text or another interval is refused")
  func otherDev() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let job = try job(.causal)
    let output = root + "/m"
    _ = try job.prepare(output: output, resuming: false, overwriting: false)
      .run(shouldStop: { true }) { _ in }
    var (without, rarer) = (job, job)
    without.devPath = nil
    rarer.settings.evaluationInterval = 8
    for other in [without, rarer] {
      #expect(throws: FileError.self) {
        try other.prepare(output: output, resuming: true, overwriting: false)
      }
    }
    try String(repeating: "ten nine eight\n", count: 9).write(
      toFile: root + "/dev.txt", atomically: true, encoding: .utf8)
    #expect(throws: FileError.self) {
      try job.prepare(output: output, resuming: true, overwriting: false)
    }
  }

  @Test("a checkpoint whose numbers contradict each other is refused")
  func contradiction() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let job = try job(.causal)
    let output = root + "/m"
    _ = try job.prepare(output: output, resuming: false, overwriting: false)
      .run(shouldStop: { true }) { _ in }
    let path = output + "/checkpoint-1.safetensors"
    let manifest = output + "/checkpoint.json"
    let bytes = try Data(contentsOf: URL(filePath: path))
    let text = try String(contentsOfFile: manifest, encoding: .utf8)
    let digest = try Fingerprint.file(path)
    for (old, new) in [
      ("\"optimizerStep\":\"1\"", "\"optimizerStep\":\"7\""),
      ("\"evaluationsSinceBest\":\"0\"", "\"evaluationsSinceBest\":\"5\""),
    ] {
      var spoilt = bytes
      let range = try #require(spoilt.range(of: Data(old.utf8)))
      spoilt.replaceSubrange(range, with: Data(new.utf8))
      try spoilt.write(to: URL(filePath: path))
      for isKnown in [false, true] {
        try (isKnown ? text.replacing(digest, with: Fingerprint.file(path)) : text)
          .write(toFile: manifest, atomically: true, encoding: .utf8)
        #expect(throws: FileError.self) {
          try job.prepare(output: output, resuming: true, overwriting: false)
        }
      }
    }
    try text.write(toFile: manifest, atomically: true, encoding: .utf8)
    // The error names the line of the curve that no run could have written.
    try bytes.write(to: URL(filePath: path))
    let curve = try String(contentsOfFile: output + "/steps.csv", encoding: .utf8)
    var unmarked = try #require(JSONValue(parsing: text.utf8).object)
    var state = try #require(unmarked["states"]?.array?.first?.object)
    try #require(state["tables"] != nil)
    state["tables"] = nil
    unmarked["states"] = .array([.object(state)])
    for row in [
      "1", "1,2,3,4,1e300,6", "1,2,3,4,-5,6", "1,2,3,4,5,1e300", "1,2,3,4,5,-1", "1,2,3,4,5,nan",
      "0,2,3,4,5,6", "1,nan,3,4,5,6", "4611686018427387904,2,3,4,5,6",
      "1,2,3,4,9223372036854775807,6", "1,2,3,4,5,6\n1,2,3,4,5,6", "", "\n1,2,3,4,5,6",
    ] {
      let table = "step,loss,learning_rate,gradient_norm,tokens,seconds\n" + row + "\n"
      try table.write(toFile: output + "/steps.csv", atomically: true, encoding: .utf8)
      // An earlier version recorded no mark of the table.
      for isMarked in [true, false] {
        try (isMarked ? text : JSONValue.object(unmarked).text())
          .write(toFile: manifest, atomically: true, encoding: .utf8)
        let error = #expect(throws: FileError.self, "\(row)") {
          try job.prepare(output: output, resuming: true, overwriting: false)
        }
        #expect(error?.kind == .malformed && error?.path == output + "/steps.csv", "\(row)")
        #expect(isMarked || error?.place.hasPrefix("line ") == true, "\(row)")
      }
    }
    try curve.write(toFile: output + "/steps.csv", atomically: true, encoding: .utf8)
    let last = try job.prepare(output: output, resuming: true, overwriting: false)
    #expect(try last.run(shouldStop: { false }) { _ in } != nil)
  }

  @Test("an older model is kept until all inputs of the new one have been read")
  func overwriting() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    var job = try job(.causal)
    job.settings.length = .steps(2)
    let output = root + "/m"
    _ = try job.prepare(output: output, resuming: false, overwriting: false)
      .run(shouldStop: { false }) { _ in }
    let path = output + "/model.safetensors"
    let before = try Data(contentsOf: URL(filePath: path))
    var (missing, small, empty, pairs) = (job, job, job, job)
    missing.trainPaths = [root + "/missing.txt"]
    small.vocabularySize = 100
    empty.devPath = root + "/empty.txt"
    try "\n".write(toFile: root + "/empty.txt", atomically: true, encoding: .utf8)
    pairs.trainPaths = [root + "/pairs.jsonl"]
    try "{\"prompt\":\"a\",\"completion\":\"b\"}\n".write(
      toFile: root + "/pairs.jsonl", atomically: true, encoding: .utf8)
    for spoilt in [missing, small, empty, pairs] {
      #expect(throws: (any Error).self) {
        try spoilt.prepare(output: output, resuming: false, overwriting: true)
      }
    }
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
    var vast = job
    (vast.hiddenSize, vast.layerCount) = (65536, 1000)
    #expect(throws: InsufficientMemory.self) {
      try vast.prepare(output: output, resuming: false, overwriting: true)
    }
  }
}
