import Foundation
import PEFTData
import PEFTNetwork
import PEFTTensor
import PEFTText
import Testing

@Suite("Baselines")
struct BaselineTests {
  private static let masks = SeededGenerator(seed: 0, purpose: "masks")

  /// A reader with a vocabulary of bytes.
  private func reader() throws -> TaskReader {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-baseline-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try ByteLevelBPETrainer.train(
      texts: [""], vocabularySize: 257, specialTokens: SpecialTokenTemplate.gpt2.specialTokens
    ).write(to: directory, template: .gpt2)
    return TaskReader(
      isCausal: true, tokenizer: try Tokenizer.load(directory: directory), maximumLength: 24)
  }

  private func data(_ labels: [String], of task: some PredictionTask) throws -> EncodedDataset {
    try task.encode(
      TaskReader.Rows(
        examples: labels.map { TextExample(text: "x", label: $0, line: 1) }, path: "data.tsv"),
      by: reader())
  }

  @Test("the majority of the training labels, scored on other data")
  func majority() throws {
    let task = Classification(LabelMap(["a", "b", "c"]))
    let data = try data(["a", "a", "a", "b", "c"], of: task)
    // In training, b is the most frequent, though not in these data.
    let baseline = try #require(
      task.baseline(
        on: data, from: .classes([2, 5, 3]), maskingWith: Self.masks, vocabularySize: 1))
    #expect(baseline.answer == "b" && baseline.source == .training && baseline.rowCount == 5)
    #expect(baseline["accuracy"] == 0.2 && baseline["matthews"] == 0)
    let f1 = 2.0 / 6
    #expect(abs((baseline["macroF1"] ?? 0) - f1 / 3) < 1e-15)
    let loss = -(3 * log(0.2) + log(0.5) + log(0.3)) / 5
    #expect(abs((baseline["loss"] ?? 0) - loss) < 1e-12)
    #expect(Baseline(json: baseline.json)?.json == baseline.json)
  }

  @Test("without training labels, the majority of the evaluated data, and it says so")
  func evaluated() throws {
    let task = Classification(LabelMap(["a", "b"]))
    let data = try data(["b", "b", "a"], of: task)
    let baseline = try #require(
      task.baseline(on: data, from: nil, maskingWith: Self.masks, vocabularySize: 1))
    #expect(baseline.answer == "b" && baseline.source == .evaluated)
    #expect(baseline.description.contains("these data"))
    // F1 is that of the second class, which is always answered: 2 · 2 / (3 + 2).
    #expect(baseline["accuracy"] == 2.0 / 3 && baseline["f1"] == 0.8)
  }

  @Test("a class that training lacks leaves the loss out, not the scores")
  func unseenClass() throws {
    let task = Classification(LabelMap(["a", "b"]))
    let baseline = try #require(
      task.baseline(
        on: data(["a", "b"], of: task), from: .classes([4, 0]), maskingWith: Self.masks,
        vocabularySize: 1))
    #expect(baseline["loss"] == nil && baseline["accuracy"] == 0.5)
  }

  @Test("the mean of the training values")
  func mean() throws {
    let data = try data(["1", "2", "6"], of: Regression())
    let baseline = try #require(
      Regression().baseline(
        on: data, from: .values(count: 9, mean: 2), maskingWith: Self.masks, vocabularySize: 1))
    #expect(baseline.answer == "2" && baseline["pearson"] == 0)
    // (1 + 0 + 16) / 3, against the variance (4 + 1 + 9) / 3 about the mean 3.
    #expect(abs((baseline["mse"] ?? 0) - 17.0 / 3) < 1e-12)
    #expect(abs((baseline["r2"] ?? 0) - (1 - 17.0 / 14)) < 1e-12)
    #expect(baseline["mae"].map { abs($0 - 5.0 / 3) < 1e-12 } == true)
  }

  @Test("the frequencies of the training tokens, by the formula of Witten and Bell")
  func unigrams() throws {
    let reader = try reader()
    let task = LanguageModelling(TextWindows(context: 16))
    func encoded(_ text: String) throws -> EncodedDataset {
      try task.encode(
        TaskReader.Rows(examples: [TextExample(text: text, line: 1)], path: "data.txt"), by: reader)
    }
    // The first token of a text is not predicted: b b c are counted.
    let training = try #require(
      encoded("abbc").targetCounts(classCount: 0, vocabularySize: 257))
    #expect(training.total == 3)
    let baseline = try #require(
      task.baseline(
        on: encoded("abd"), from: training, maskingWith: Self.masks, vocabularySize: 257))
    // b: 2 / (3 + 2); d, which is one of 255 others: 2 / (3 + 2) / 255.
    let loss = -(log(2.0 / 5) + log(2.0 / 5 / 255)) / 2
    #expect(abs((baseline["loss"] ?? 0) - loss) < 1e-12)
    #expect(abs((baseline["perplexity"] ?? 0) - exp(loss)) < 1e-9 * exp(loss))
    #expect(baseline["tokens"] == 2 && baseline.answer == nil)
    // From the evaluated data alone, it is their entropy.
    let own = try #require(
      task.baseline(
        on: encoded("abbc"), from: nil, maskingWith: Self.masks, vocabularySize: 257))
    let entropy = -(2 * log(2.0 / 3) + log(1.0 / 3)) / 3
    #expect(abs((own["loss"] ?? 0) - entropy) < 1e-12 && own.source == .evaluated)
  }

  @Test("a warning where a score is within two standard errors of the baseline, or one answer")
  func warnings() throws {
    let task = Classification(LabelMap(["a", "b"]))
    let labels = Array(repeating: "a", count: 60) + Array(repeating: "b", count: 40)
    let data = try data(labels, of: task)
    let baseline = task.baseline(
      on: data, from: .classes([3, 2]), maskingWith: Self.masks, vocabularySize: 1)
    func warnings(right: Int) -> [String] {
      // The first rows are answered correctly, the others wrongly.
      let targets = labels.map { $0 == "a" ? 0 : 1 }
      let answers = targets.enumerated().map { $0 < right ? $1 : 1 - $1 }
      let metrics = ClassificationMetrics(predictions: answers, labels: targets, classCount: 2)
      return task.warnings(about: metrics.values, on: data, split: "dev", baseline: baseline)
    }
    // √(0.68 · 0.32 / 100) = 0.0466, so that 0.68 is within and 0.71 is beyond 0.6 + 2 errors.
    #expect(warnings(right: 68).count == 1)
    #expect(warnings(right: 68)[0].contains("always answering \"a\""))
    #expect(warnings(right: 71).isEmpty)
    for answer in [0, 1] {
      let metrics = ClassificationMetrics(
        predictions: Array(repeating: answer, count: 100),
        labels: labels.map { $0 == "a" ? 0 : 1 }, classCount: 2)
      let found = task.warnings(
        about: metrics.values, on: data, split: "dev", baseline: baseline)
      #expect(found.contains("dev: the model answers \"\(answer == 0 ? "a" : "b")\" for every row"))
    }
  }

  @Test("standard errors, and metrics that have none")
  func standardErrors() {
    let accuracy = PrimaryMetric("accuracy", higherIsBetter: true)
    #expect(accuracy.standardError(of: 0.5, rowCount: 100) == 0.05)
    #expect(!accuracy.isAbove(.nan, baseline: 0.1, rowCount: 100))
    let pearson = PrimaryMetric("pearson", higherIsBetter: true)
    #expect(pearson.standardError(of: 0, rowCount: 102) == 0.1)
    #expect(!pearson.isAbove(0.19, baseline: 0, rowCount: 102))
    #expect(pearson.isAbove(0.21, baseline: 0, rowCount: 102))
    let perplexity = PrimaryMetric("perplexity", higherIsBetter: false)
    #expect(perplexity.standardError(of: 9, rowCount: 10) == nil)
    #expect(perplexity.isAbove(9, baseline: 10, rowCount: 10))
    #expect(!perplexity.isAbove(10, baseline: 10, rowCount: 10))
  }

  @Test("counts are read back; what could not have been written is refused")
  func counts() throws {
    for counts in [
      TargetCounts.classes([3, 0, 1]), .values(count: 4, mean: -0.5),
      .tokens([7: 2, 3: 1], vocabularySize: 9),
    ] {
      #expect(TargetCounts(json: counts.json) == counts)
    }
    for text in [
      "{}", #"{"classes":[1,-1]}"#, #"{"count":1,"mean":null}"#,
      #"{"tokens":[9],"counts":[1],"vocabulary":9}"#,
      #"{"tokens":[1,1],"counts":[1,2],"vocabulary":9}"#,
    ] {
      #expect(TargetCounts(json: try JSONValue(parsing: text.utf8)) == nil, "\(text)")
    }
    #expect(
      ConfusionMatrix(json: try JSONValue(parsing: "[[0,2,1]]".utf8), classCount: 2) == nil)
  }
}
