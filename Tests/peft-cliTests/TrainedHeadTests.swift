import Foundation
import PEFTModels
import PEFTTensor
import TestSupport
import Testing

@Suite("Heads already trained")
struct TrainedHeadTests {
  /// A model with the head of a run, with its rows in the order of `rows`.
  private static func trained(_ place: Workplace, rows: [String]) throws -> String {
    let merged = place.directory.path("merged-" + rows.joined())
    if !FileManager.default.fileExists(atPath: place.directory.path("run")) {
      let run = try PEFTProcess.run(
        "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--method",
        "full", "--steps", "60", "--learning-rate", "2e-3", "--output",
        place.directory.path("run"))
      try #require(run.status == 0, "\(run.errors)")
    }
    let export = try PEFTProcess.run(
      "export", place.directory.path("run"), "--format", "merged", "--output", merged)
    try #require(export.status == 0, "\(export.errors)")
    var configuration = try #require(try JSONValue(contentsOf: merged + "/config.json").object)
    #expect(configuration["id2label"]?["0"] == .string("no"))
    guard rows != ["no", "yes"] else { return merged }
    // The names are reversed, and so are the rows.
    configuration["id2label"] = .object(["0": .string("yes"), "1": .string("no")])
    configuration["label2id"] = .object(["yes": .integer(0), "no": .integer(1)])
    try JSONValue.object(configuration).text().write(
      toFile: merged + "/config.json", atomically: true, encoding: .utf8)
    let reader = try SafetensorsReader(path: merged + "/model.safetensors")
    let outputs = try reader.tensorNames.map { name in
      let shape = reader.entry(name)?.shape ?? []
      var values = try reader.floats(of: name)
      if name.hasPrefix("classifier.") {
        let half = values.count / 2
        values = Array(values[half...] + values[..<half])
      }
      return SafetensorsOutput(name: name, shape: shape) { (body) throws(FileError) in
        try values.withUnsafeBufferPointer { (elements) throws(FileError) in try body(elements) }
      }
    }
    try SafetensorsWriter.write(
      outputs, metadata: ["format": "pt"], to: merged + "/model.safetensors")
    return merged
  }

  private static func accuracy(_ result: PEFTProcess) throws -> Double {
    try #require(result.status == 0, "\(result.errors)")
    let document = try result.document
    return try #require(
      document["metrics"]?["dev"]?["accuracy"]?.double
        ?? document["metrics"]?["accuracy"]?.double)
  }

  @Test(
    "a step that changes nothing keeps the head's answers, whatever the order of its rows",
    arguments: [["no", "yes"], ["yes", "no"]])
  func kept(_ rows: [String]) throws {
    let place = try Workplace()
    let model = try Self.trained(place, rows: rows)
    func files(_ name: String, _ change: (String) -> String) throws -> String {
      let text = try String(contentsOfFile: place.dev, encoding: .utf8)
      return try place.directory.write(change(text), to: name + ".tsv")
    }
    let numbers = try files("numbers") { text in
      text.replacing("\tyes", with: "\t\(rows.firstIndex(of: "yes") ?? 9)")
        .replacing("\tno", with: "\t\(rows.firstIndex(of: "no") ?? 9)")
    }
    let capitals = try files("capitals") {
      $0.replacing("\tyes", with: "\tYES").replacing("\tno", with: "\tNO")
    }
    for data in [place.dev, numbers, capitals] {
      let known = try PEFTProcess.run("evaluate", model, "--data", data, "--json")
      #expect(try Self.accuracy(known) == 1)
      #expect(known.errors.contains("read as classes") == (data != place.dev), "\(known.errors)")
      let (process, streams) = try PEFTProcess.start([
        "train", "--model", model, "--train", data, "--dev", data, "--method", "lora", "--steps",
        "1", "--learning-rate", "1e-9", "--output",
        place.directory.path("again"), "--overwrite", "--json",
      ])
      let again = try PEFTProcess.finish(process, streams)
      #expect(try Self.accuracy(again) == 1, "\(data): \(again.errors)")
      #expect(again.errors.contains("is kept"), "\(again.errors)")
      let predicted = try PEFTProcess.run(
        "evaluate", place.directory.path("again"), "--data", data, "--json")
      #expect(try Self.accuracy(predicted) == 1)
    }
  }

  @Test("a head of other classes, or of tokens, is initialised, and the command says so")
  func others() throws {
    let place = try Workplace()
    let model = try Self.trained(place, rows: ["no", "yes"])
    func train(_ data: String) throws -> PEFTProcess {
      let (process, streams) = try PEFTProcess.start([
        "train", "--learning-rate", "1e-3", "--model", model, "--train", data, "--method", "head",
        "--steps", "1",
        "--output", place.directory.path("other"), "--overwrite",
      ])
      return try PEFTProcess.finish(process, streams)
    }
    let text = try String(contentsOfFile: place.train, encoding: .utf8)
    let topics = try place.directory.write(
      text.replacing("\tyes", with: "\tsports").replacing("\tno", with: "\tnews"),
      to: "topics.tsv")
    let three = try place.directory.write(text + "red\tmaybe\n", to: "three.tsv")
    for data in [topics, three] {
      let other = try train(data)
      #expect(
        other.status == 0 && other.errors.contains("a new head is initialised"), "\(other.errors)")
      #expect(other.errors.contains("no, yes") && !other.errors.contains("is kept"))
    }
    let path = model + "/config.json"
    var configuration = try #require(try JSONValue(contentsOf: path).object)
    configuration["architectures"] = .array([.string("BertForTokenClassification")])
    try JSONValue.object(configuration).text().write(
      toFile: path, atomically: true, encoding: .utf8)
    let ofTokens = try train(place.train)
    #expect(ofTokens.status == 0 && ofTokens.errors.contains("a new head is initialised"))
  }

  @Test("the rows of an adapter's head have the names in its labels.json")
  func adapters() throws {
    let place = try Workplace()
    let run = try PEFTProcess.run(
      "train", "--model", place.model, "--train", place.train, "--dev", place.dev, "--method",
      "lora", "--steps", "80", "--learning-rate", "1e-2", "--output",
      place.directory.path("run"))
    try #require(run.status == 0, "\(run.errors)")
    let adapter = place.directory.path("adapter")
    let export = try PEFTProcess.run(
      "export", place.directory.path("run"), "--format", "peft", "--output", adapter)
    try #require(export.status == 0, "\(export.errors)")
    #expect(
      try JSONValue(contentsOf: adapter + "/labels.json")
        == .array(["no", "yes"].map { .string($0) }))
    for isReversed in [false, true] {
      if isReversed {
        try "[\"yes\", \"no\"]".write(
          toFile: adapter + "/labels.json", atomically: true, encoding: .utf8)
      }
      let (process, streams) = try PEFTProcess.start([
        "train", "--model", place.model, "--adapter", adapter, "--train", place.dev, "--dev",
        place.dev, "--steps", "1", "--learning-rate", "1e-9", "--output",
        place.directory.path("again"), "--overwrite", "--json",
      ])
      // With only the names reversed, every answer is inverted.
      #expect(try Self.accuracy(PEFTProcess.finish(process, streams)) == (isReversed ? 0 : 1))
    }
  }
}
