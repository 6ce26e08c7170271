import PEFTData
import PEFTTensor
import TestSupport
import Testing

@Suite("Real data files", .enabled(if: SharedData.has("sst2_glue") && SharedData.has("trec")))
struct RealDataTests {
  @Test(
    "every row is read",
    arguments: [
      ("sst2_glue/train.tsv", 67_349, true), ("sst2_glue/dev.tsv", 872, true),
      ("sst2_glue/test.tsv", 1821, false), ("sst2_stanford/train.tsv", 6920, true),
      ("sst2_stanford/dev.tsv", 872, true), ("sst2_stanford/test.tsv", 1821, true),
    ])
  func counts(name: String, count: Int, isLabelled: Bool) throws {
    let path = SharedData.path(name)
    let clock = ContinuousClock()
    let start = clock.now
    let rows = try DataReader.read(path: path)
    print("\(name): \(rows.count) rows in \(clock.now - start)")
    #expect(rows.count == count)
    #expect(rows.allSatisfy { ($0.label != nil) == isLabelled })
    #expect(DataReader.warnings(about: rows, path: path).isEmpty)
    guard isLabelled else { return }
    let task = try PredictionTaskTests.task(training: rows, path: path)
    #expect(task.isSame(as: Classification(LabelMap(["0", "1"]))))
  }

  @Test("a sentence keeps its trailing space")
  func trailingSpace() throws {
    let rows = try DataReader.read(path: SharedData.path("sst2_glue/train.tsv"))
    #expect(rows.first?.text == "hide new secretions from the parental units ")
    #expect(rows.first?.line == 2)
  }

  @Test("Latin-1 is refused with its line and the command that converts it")
  func latin1() {
    let error = #expect(throws: FileError.self) {
      try DataReader.read(path: SharedData.path("trec/TREC.train"), format: .tsv)
    }
    #expect(error?.place.hasPrefix("line ") == true)
    #expect(error?.reason.contains("0xF0") == true)
    #expect(error?.remedy.contains("iconv -f latin1 -t utf8") == true)
  }
}
