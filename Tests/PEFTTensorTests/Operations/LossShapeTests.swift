import Foundation
import PEFTTensor
import Testing

@Suite("Losses of classes and of sets of labels")
struct LossShapeTests {
  private static func fixture() throws -> JSONValue {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/losses/losses.json").path
    return try JSONValue(parsing: FileContents.read(path))
  }

  private static func numbers(_ value: JSONValue?) -> [Double] {
    value?.array?.flatMap { $0.array == nil ? [$0.double ?? .nan] : numbers($0) } ?? []
  }

  /// The loss of `logits` [B, C] and the gradient with respect to them.
  private static func loss(
    _ logits: [Double], width: Int, _ body: (Tape, Variable) -> Loss
  ) throws -> (loss: Loss, gradient: [Float]) {
    let rows = logits.count / width
    let x = Parameter(name: "x", value: Tensor(logits.map { Float($0) }, shape: [rows, width]))
    let (tape, gradients) = (Tape(), GradientAccumulator())
    let input = tape.embeddingSum(
      [(table: x, rows: (0..<rows).map(Int32.init))], partition: RowPartition(examples: rows))
    let loss = body(tape, input)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    return (loss, try #require(gradients[x]).elements)
  }

  /// Float32 gradients of losses that are computed in Double.
  private static let tolerance = 1e-6

  @Test("weights, label smoothing and focal losses are PyTorch's, with gradients and curvatures")
  func classes() throws {
    let cases = try #require(try Self.fixture()["classes"]?.array)
    #expect(cases.count == 8)
    for item in cases {
      let labels = Self.numbers(item["labels"]).map { Int($0) }
      let logits = Self.numbers(item["logits"])
      let width = logits.count / labels.count
      let shape = LossShape(
        labelSmoothing: try #require(item["smoothing"]?.double),
        classWeights: Self.numbers(item["weights"]),
        focusing: try #require(item["focusing"]?.double))
      let (loss, gradient) = try Self.loss(logits, width: width) {
        $0.softmaxCrossEntropy($1, labels: labels, shape: shape)
      }
      for (term, expected) in zip(loss.terms, Self.numbers(item["losses"])) {
        #expect(abs(term - expected) < Self.tolerance * max(1, expected), "\(shape)")
      }
      for (value, expected) in zip(gradient, Self.numbers(item["gradient"])) {
        #expect(abs(Double(value) - expected) < Self.tolerance, "\(shape)")
      }
      // The curvature is the Hessian, but for the negative part of a focal loss.
      let hessians = Self.numbers(item["hessians"])
      for (row, label) in labels.enumerated() {
        let own = logits[row * width..<(row + 1) * width].map { exp($0) }
        let p = own.map { $0 / own.reduce(0, +) }
        let found = shape.derivatives(label: label, count: width, logProbability: log(p[label]))
        func hessian(_ i: Int, _ j: Int) -> Double { hessians[(row * width + i) * width + j] }
        func rest(_ i: Int, _ j: Int) -> Double {
          hessian(i, j) - found.scale * ((i == j ? p[i] : 0) - p[i] * p[j])
        }
        func outer(_ i: Int, _ j: Int) -> Double {
          ((i == label ? 1 : 0) - p[i]) * ((j == label ? 1 : 0) - p[j])
        }
        let factor = rest(label, label) / outer(label, label)
        #expect(abs(found.extra - max(0, factor)) < 1e-6, "\(shape), row \(row): \(factor)")
        for (i, j) in [(0, 0), (0, 1), (2, 3), (3, 3)] {
          #expect(abs(rest(i, j) - factor * outer(i, j)) < 1e-6, "\(shape), row \(row)")
        }
      }
    }
  }

  @Test("of sets of labels, the mean of binary cross entropies is PyTorch's, with its gradient")
  func sets() throws {
    let item = try #require(try Self.fixture()["sets"])
    let labels = try #require(item["labels"]?.array).map { Self.numbers($0).map { Int($0) } }
    let logits = Self.numbers(item["logits"])
    let (loss, gradient) = try Self.loss(logits, width: 4) {
      $0.sigmoidCrossEntropy($1, labels: labels)
    }
    for (term, expected) in zip(loss.terms, Self.numbers(item["losses"])) {
      #expect(abs(term - expected) < Self.tolerance)
    }
    for (value, expected) in zip(gradient, Self.numbers(item["gradient"])) {
      #expect(abs(Double(value) - expected) < Self.tolerance)
    }
    #expect(loss.terms.count == 6 && gradient.count == 24)
  }

  @Test("extreme logits give finite losses and gradients")
  func extremes() throws {
    for logit in [0, 80, -80, 1e4, -1e4] {
      for focusing in [0, 0.5, 2] {
        let (loss, gradient) = try Self.loss([logit, 0], width: 2) {
          $0.softmaxCrossEntropy($1, labels: [0], shape: LossShape(focusing: focusing))
        }
        #expect(loss.mean.isFinite && loss.mean >= 0 && gradient.allSatisfy(\.isFinite))
      }
      let (loss, gradient) = try Self.loss([logit, 0], width: 2) {
        $0.sigmoidCrossEntropy($1, labels: [[0]])
      }
      #expect(loss.mean.isFinite && gradient.allSatisfy(\.isFinite))
    }
  }
}
