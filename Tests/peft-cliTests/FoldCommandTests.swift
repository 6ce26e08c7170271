import Foundation
import PEFTTensor
import TestSupport
import Testing

@Suite("Cross-validation by the command")
struct FoldCommandTests {
  private let place: Workplace

  init() throws { place = try Workplace(hiddenSize: 32, layerCount: 1) }

  private func run(_ name: String, _ extra: [String] = []) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(
      [
        "train", "--model", place.model, "--train", place.train, "--folds", "3", "--method",
        "bitfit", "--steps", "6", "--batch-size", "8", "--learning-rate", "1e-2", "--pooling",
        "mean", "--output", place.directory.path(name), "--json",
      ] + extra)
    return try PEFTProcess.finish(process, streams)
  }

  @Test("every fold is a run that is tested on it; a stopped job resumes to the same scores")
  func folds() throws {
    let result = try run("folds")
    #expect(result.status == 0, "\(result.errors)")
    let document = try result.document
    let output = place.directory.path("folds")
    var (accuracies, rows): ([Double], Int) = ([], 0)
    for number in 1...3 {
      let summary = try JSONValue(contentsOf: output + "/fold-\(number)/summary.json")
      accuracies.append(try #require(summary["metrics"]?["test"]?["accuracy"]?.double))
      rows += try #require(summary["baseline"]?["test"]?["rows"]?.integer)
    }
    #expect(rows == 64)
    #expect(
      document["folds"]?.array?.compactMap { $0["accuracy"]?.double } == accuracies)
    let stored = try JSONValue(contentsOf: output + "/folds.json")
    #expect(stored["mean"] == document["mean"])
    #expect(result.errors.contains("trainable params: "))

    try FileManager.default.removeItem(atPath: output + "/folds.json")
    try FileManager.default.removeItem(atPath: output + "/fold-2/run.json")
    try FileManager.default.removeItem(atPath: output + "/fold-3")
    let again = try run("folds", ["--resume"])
    #expect(again.status == 0, "\(again.errors)")
    #expect(try again.document["folds"] == document["folds"])
    let other = try run("folds")
    #expect(other.status == 6)
  }

  @Test("what does not go together is refused")
  func refused() throws {
    let tested = try run("a", ["--test", place.dev])
    #expect(tested.status == 2)
    let many = try run("b", ["--folds", "1"])
    #expect(many.status == 2)
    let few = try run("c", ["--folds", "65"])
    #expect(few.status != 0 && few.errors.contains("folds"))
  }
}
