import Foundation
import PEFTData
import PEFTTensor
import Testing

@Suite("Calibration of probabilities")
struct CalibrationTests {
  private static func cases() throws -> [JSONValue] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/metrics/calibration.json").path
    return try #require(try JSONValue(parsing: FileContents.read(path))["cases"]?.array)
  }

  @Test("errors agree with numpy, temperatures with scipy")
  func agrees() throws {
    let cases = try Self.cases()
    #expect(cases.count == 4)
    for item in cases {
      let logits = item["logits"]?.array?.compactMap(\.double).map { Float($0) } ?? []
      let labels = item["labels"]?.array?.compactMap(\.integer) ?? []
      let error = try #require(
        Calibration.expectedError(
          probabilities: item["probabilities"]?.array?.compactMap(\.double) ?? [],
          isRight: item["right"]?.array?.compactMap(\.bool) ?? []))
      #expect(abs(error - (try #require(item["ece"]?.double))) < 1e-12)
      let temperature = Calibration.temperature(logits: logits, labels: labels)
      let expected = try #require(item["temperature"]?.double)
      #expect(abs(temperature - expected) < 1e-5 * expected, "\(temperature), \(expected)")
    }
  }

  @Test("probabilities at the edges of bins, and perfect or hopeless answers")
  func edges() throws {
    #expect(Calibration.expectedError(probabilities: [1, 1], isRight: [true, true]) == 0)
    #expect(Calibration.expectedError(probabilities: [0, 1], isRight: [false, false]) == 0.5)
    #expect(Calibration.expectedError(probabilities: [.nan, 1], isRight: [true, true]) == nil)
    // Two thirds belong to the tenth bin, a little more to the eleventh.
    let error = try #require(
      Calibration.expectedError(
        probabilities: [2 / 3.0, 2 / 3.0 + 1e-9], isRight: [true, false]))
    #expect(abs(error - 0.5) < 1e-6)
    let (low, high) = (
      Calibration.temperatures.lowerBound, Calibration.temperatures.upperBound
    )
    #expect(Calibration.temperature(logits: [2, 0, 0, 3], labels: [0, 1]) == low)
    #expect(Calibration.temperature(logits: [2, 0, 0, 3], labels: [1, 0]) == high)
    #expect(Calibration.temperature(logits: [1, 1], labels: [0]) == high)
  }

  @Test("a calibrated task divides its logits, answers the same, and comes back from its settings")
  func task() throws {
    let labels = LabelMap(["a", "b"])
    let task = Classification(labels).calibrated(
      logits: [4, 0, 4, 0, 0, 4], targets: .classes([0, 1, 1]))
    let temperature = try #require(task.temperature)
    #expect(temperature > 1)
    let prediction = task.prediction([4, 0], of: TextExample(text: "", line: 1), words: [])
    let expected = 1 / (1 + exp(-4 / temperature))
    #expect(abs((prediction["probabilities"]?["a"]?.double ?? 0) - expected) < 1e-12)
    #expect(prediction["label"]?.string == "a")
    #expect(prediction["logits"]?.array?.first?.double == 4)
    let again = try TaskCatalogue.standard.task(json: task.json, path: "p")
    #expect(again.isSame(as: task))
    #expect(Classification(labels).json["temperature"] == nil)
    #expect(throws: FileError.self) {
      try Classification(
        json: .object(["labels": labels.json, "temperature": .number(0)]), path: "p")
    }
  }

  @Test("weights of classes by name, balanced, and malformed ones")
  func weights() throws {
    let labels = LabelMap(["a", "b", "c=d"])
    let balanced = try #require(ClassWeights("balanced"))
    #expect(balanced.weights(of: labels, counts: [1, 2, 3]) == [2, 1, 2 / 3.0])
    let named = try #require(ClassWeights("b=2.5,c=d=0.5"))
    #expect(named.weights(of: labels, counts: [1, 1, 1]) == [1, 2.5, 0.5])
    #expect(named.unknownName(in: labels) == nil)
    #expect(ClassWeights("e=1")?.unknownName(in: labels) == "e")
    for text in ["", "a", "a=", "a=0", "a=-1", "a=nan", "a=1,a=2", "a=1,", "=1"] {
      #expect(ClassWeights(text) == nil, "\(text)")
    }
    #expect(ClassWeights(json: .object(["b": .integer(2)])) == ClassWeights("b=2"))
    #expect(ClassWeights(json: .array([])) == nil)
  }
}
