import Foundation
import PEFTTensor
import Testing

/// Results whose numbers were changed by hand, in ways that every reader would understand.
@Suite("Changed results")
struct SealedResultTests {
  private let place: Workplace

  init() throws { place = try Workplace(hiddenSize: 16, layerCount: 1) }

  private func run(_ arguments: [String]) throws -> PEFTProcess {
    let (process, streams) = try PEFTProcess.start(arguments)
    return try PEFTProcess.finish(process, streams)
  }

  /// Changes the first number after `key` in a file.
  private func change(_ path: String, after key: String) throws {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let number = try #require(text.range(of: key)).upperBound
    let digit = try #require(text[number...].firstIndex { ("1"..."8").contains($0) })
    var changed = text
    changed.replaceSubrange(digit...digit, with: "9")
    try changed.write(toFile: path, atomically: true, encoding: .utf8)
  }

  private func refuses(_ arguments: [String], naming name: String) throws {
    let result = try run(arguments)
    #expect(result.status == 3, "\(arguments[0]): \(result.status) \(result.errors)")
    let isNamed = result.errors.contains(name)
    #expect(isNamed, "\(arguments[0]): \(result.errors)")
  }

  @Test("influences are refused by every command that reads them")
  func influences() throws {
    let probe = place.directory.path("probe")
    let command = [
      "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--head-steps",
      "1", "--direction-batches", "1", "--probe-batches", "1", "--workers", "1", "--output", probe,
    ]
    for arguments in [command, ["select", probe, "--budget", "20%"]] {
      try #require(try run(arguments).status == 0)
    }
    try change(probe + "/influence.json", after: "\"slope\":")
    try refuses(["select", probe, "--budget", "20%"], naming: "influence.json")
    try refuses(["report", probe], naming: "influence.json")
    try refuses(command + ["--resume"], naming: "influence.json")
  }

  @Test("the runs and probes of a suite are refused when it is merged or resumed")
  func suites() throws {
    let output = place.directory.path("suite")
    let file = try place.directory.write(FuzzedWork.suite(place), to: "suite.yaml")
    let command = ["suite", file, "--workers", "1", "--quiet", "--output", output]
    try #require(try run(command).status == 0)
    let names = try FileManager.default.subpathsOfDirectory(atPath: output)
    for (folder, key) in [("cells/t/bitfit", "\"accuracy\":"), ("cells/t/mine", "\"proven\":")] {
      let cell = try #require(
        names.filter { $0.hasPrefix(folder) && $0.contains("seed-1") }.min())
      let path = output + "/" + cell
      let whole = try Data(contentsOf: URL(filePath: path))
      try change(path, after: key)
      let name = URL(filePath: cell).lastPathComponent
      for extra in ["--merge", "--resume"] { try refuses(command + [extra], naming: name) }
      try whole.write(to: URL(filePath: path))
    }
    #expect(try run(command + ["--merge"]).status == 0)
  }

  @Test("the tables of a run are refused where a page is drawn from them")
  func tables() throws {
    let made = place.directory.path("run")
    let trained = try place.train(
      "--method", "head", "--steps", "3", "--evaluate-every", "1", "--output", made)
    try #require(trained.status == 0, "\(trained.errors)")
    for name in ["steps.csv", "metrics.csv", "environment.json"] {
      let url = URL(filePath: made + "/" + name)
      let whole = try Data(contentsOf: url)
      try change(url.path, after: name == "environment.json" ? "\"cores\":" : "\n")
      try refuses(["report", made], naming: name)
      try whole.write(to: url)
    }
    #expect(try run(["report", made]).status == 0)
  }
}
