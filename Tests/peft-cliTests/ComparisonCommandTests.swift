import Foundation
import PEFTTensor
import Testing

@Suite("Comparisons of methods and rates")
struct ComparisonCommandTests {
  private static let quick = [
    "--direction-batches", "3", "--probe-batches", "3", "--head-steps", "5", "--batch-size", "8",
  ]

  @Test("a diverging trial rate is not chosen; a single rate that diverges ends with 4")
  func divergingRate() throws {
    let place = try Workplace()
    func compare(_ output: String, _ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "compare", "--model", place.model, "--train", place.train, "--pooling", "mean",
          "--methods",
          "bitfit,head", "--steps", "4", "--output", place.directory.path(output), "--json",
        ] + extra)
      return try PEFTProcess.finish(process, directory)
    }
    let tried = try compare("tried", "--dev", place.dev, "--learning-rates", "1e30,1e-3")
    #expect(tried.status == 0 && tried.errors.contains("not finite"), "\(tried.errors)")
    let methods = try #require(try tried.document["methods"]?.array)
    #expect(methods.count == 2)
    for method in methods { #expect(method["learningRate"]?.double == 1e-3) }
    let alone = try compare("alone", "--dev", place.dev, "--learning-rates", "1e30")
    #expect(alone.status == 4, "\(alone.errors)")
    for (extra, word) in [
      (["--learning-rates", "1e-3,1e-2"], "--dev"), (["--seeds", "1,2,1"], "twice"),
    ] {
      let refused = try compare("none", "--holdout", "none", extra[0], extra[1])
      #expect(refused.status == 2 && refused.errors.contains(word), "\(refused.errors)")
    }
  }

  @Test("a job that replaces another can be resumed, also after trials of rates")
  func overwrittenRates() throws {
    let place = try Workplace()
    func adapt(_ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--budget", "2%", "--baselines", "none", "--learning-rates", "1e-4,1e-3",
          "--candidates", "lora:1", "--output", place.directory.path("run"),
        ] + Self.quick + extra)
      return try PEFTProcess.finish(process, directory)
    }
    #expect(try adapt("--steps", "2").status == 0)
    let shim = try FaultShim()
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--budget", "2%", "--baselines", "none", "--learning-rates", "1e-4,1e-3",
        "--candidates", "lora:1", "--output", place.directory.path("run"), "--steps", "3",
        "--overwrite",
      ] + Self.quick, environment: shim.environment("kill", at: 20))
    #expect(try PEFTProcess.finish(process, directory).status == -SIGKILL)
    let resumed = try adapt("--steps", "3", "--resume")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let manifest = try JSONValue(contentsOf: place.directory.path("run/run.json"))
    #expect(manifest["steps"] == .integer(3))
  }
}
