import Foundation
import Testing

/// `--overwrite` removes nothing before the new job's inputs have been read, and its method fits.
@Suite("Replacing results by a job that cannot begin")
struct ReplacementTests {
  private static func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, place) = try PEFTProcess.start(arguments + ["--workers", "1"])
    return try PEFTProcess.finish(process, place)
  }

  private static func digest(_ directory: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for case let name as String in FileManager.default.enumerator(atPath: directory) ?? .init() {
      found[name] = FileManager.default.contents(atPath: directory + "/" + name)
    }
    return found
  }

  @Test("results stay as they were", arguments: ["folds", "tune", "suite", "compare", "probe"])
  func stays(kind: String) throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let output = place.directory.path("output")
    func arguments(train: String, targets: String = "query") throws -> [String] {
      let model = place.model
      switch kind {
      case "folds":
        return [
          "train", "--folds", "2", "--steps", "2", "--learning-rate", "1e-3", "--model", model,
          "--train", train, "--pooling", "mean", "--method", "lora", "--targets", targets,
          "--output", output,
        ]
      case "compare":
        return [
          "compare", "--methods", "head,lora", "--targets", targets, "--steps", "2",
          "--learning-rate", "1e-3", "--model", model, "--train", train, "--dev", place.dev,
          "--pooling", "mean", "--output", output,
        ]
      case "probe":
        return [
          "probe", "--candidates", "lora:1@\(targets)", "--direction-batches", "1",
          "--probe-batches", "1", "--head-steps", "1", "--model", model, "--train", train,
          "--pooling", "mean", "--output", output,
        ]
      case "tune":
        let file = try place.directory.write(
          """
          train: {model: \(model), train: \(train), dev: \(place.dev), pooling: mean, steps: 2,
            method: lora}
          vary: {learning-rate: [1e-3, 1e-2], targets: [value, \(targets)]}

          """, to: "tune.yaml")
        return ["tune", file, "--output", output, "--trials", "2"]
      default:
        let file = try place.directory.write(
          """
          name: s
          question: q
          models: {m: {model: \(model), pooling: mean}}
          tasks: {t: {train: \(train), dev: \(place.dev), test: \(place.dev)}}
          recipe: {steps: 2, batch-size: 8}
          seeds: [1]
          learning-rates: [1e-3]
          budgets: [50%]
          probes: {}
          methods: {lora: {method: lora, targets: [\(targets)]}, head: {method: head}}
          ours: lora
          against: [head]

          """, to: "suite.yaml")
        return ["suite", file, "--output", output]
      }
    }
    let made = try Self.run(try arguments(train: place.train))
    try #require(made.status == 0, "\(made.errors)")
    let before = try Self.digest(output)
    #expect(before.count >= 3)
    let wrong = try Self.run(
      try arguments(train: place.directory.path("typo.tsv")) + ["--overwrite"])
    #expect(wrong.status != 0 && wrong.errors.contains("typo.tsv"), "\(wrong.errors)")
    #expect(try Self.digest(output) == before)
    let misfit = try Self.run(
      try arguments(train: place.train, targets: "typo") + ["--overwrite"])
    #expect(misfit.status == 2 && misfit.errors.contains("typo"), "\(misfit.errors)")
    #expect(try Self.digest(output) == before)
    let replaced = try Self.run(try arguments(train: place.train) + ["--overwrite"])
    #expect(replaced.status == 0, "\(replaced.errors)")
  }

  @Test("the command that repeats a trial without dev data holds out the same rows")
  func repeated() throws {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    let file = try place.directory.write(
      """
      train: {model: \(place.model), train: \(place.train), pooling: mean, steps: 2}
      vary: {learning-rate: [1e-3, 1e-2]}

      """, to: "tune.yaml")
    let output = place.directory.path("output")
    let result = try Self.run(["tune", file, "--output", output, "--trials", "2"])
    try #require(result.status == 0, "\(result.errors)")
    let last = try #require(result.output.split(separator: "\n").last)
    #expect(last.contains("--holdout auto"), "\(last)")
    var words = last.split(separator: " ").map(String.init)
    words.removeSubrange(...(try #require(words.firstIndex(of: "peft"))))
    let again = place.directory.path("again")
    let trained = try Self.run(Array(words.dropLast()) + [again])
    try #require(trained.status == 0, "\(trained.errors)")
    let name = "/trained.safetensors"
    #expect(
      FileManager.default.contents(atPath: again + name)
        == FileManager.default.contents(atPath: output + "/best" + name))
  }
}
