import PEFTTensor
import Testing

@Suite("The validate command")
struct ValidateCommandTests {
  @Test("validate ranks predictors")
  func validate() throws {
    let place = try Workplace()
    let (process, directory) = try PEFTProcess.start(
      [
        "validate", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--groups", "kind", "--group-steps", "3", "--output",
        place.directory.path("validation"), "--json",
        "--direction-batches", "3", "--probe-batches", "3", "--head-steps", "5", "--batch-size",
        "8",
      ])
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 0, "\(result.errors)")
    let predictors = try #require(try result.document["predictors"]?.array)
    for name in ["fisher", "as probed"] {
      #expect(predictors.contains { $0["name"]?.string == name })
    }
    for item in predictors { #expect(abs(item["spearman"]?.double ?? 2) <= 1) }
  }
}
