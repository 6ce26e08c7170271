import PEFTTensor
import Testing

@Suite("Gradients of single elements")
struct TrainableElementsTests {
  private static func normal(_ shape: Shape, _ purpose: String) -> Tensor {
    var draws = SeededGenerator(seed: 8, purpose: purpose)
    return Tensor(normal: shape, standardDeviation: 1, using: &draws)
  }

  /// The gradient of a matrix [40, 50] that is used twice, and of its bias.
  private static func gradients(
    _ parameters: [Parameter]
  ) -> GradientAccumulator {
    let partition = RowPartition(lengths: [5, 8])
    let tape = Tape()
    let table = Parameter(name: "x", value: normal([13, 50], "x"))
    let x = tape.embeddingSum([(table: table, rows: Array(0..<13))], partition: partition)
    let sink = GradientAccumulator()
    let y = tape.add(
      tape.linear(x, weight: parameters[0], bias: parameters[1]),
      tape.linear(tape.activation(x, .tanh), weight: parameters[0]))
    tape.pullBack(normal([13, 40], "cotangent"), from: y, to: sink)
    return sink
  }

  @Test(
    "they are those of the whole gradient, few or many, and nothing else is formed",
    arguments: [[0, 49, 50, 51, 777, 1999], Array(stride(from: 3, to: 2000, by: 7))])
  func elements(_ chosen: [Int]) throws {
    func parameters() -> [Parameter] {
      [
        Parameter(name: "w", value: Self.normal([40, 50], "w")),
        Parameter(name: "b", value: Self.normal([40], "b")),
      ]
    }
    let (whole, part) = (parameters(), parameters())
    part[0].trains = .elements(chosen)
    part[1].trains = .elements([2, 39])
    let (full, restricted) = (Self.gradients(whole), Self.gradients(part))
    for (index, elements) in [chosen, [2, 39]].enumerated() {
      let gradient = try #require(full[whole[index]]).elements
      let expected = Tensor(elements.map { gradient[$0] }, shape: [elements.count])
      let found = try #require(restricted.trainableGradient(of: part[index]))
      #expect(part[index].gradientShape == [elements.count])
      #expect(restricted[part[index]]?.shape == [elements.count])
      #expect(found.relativeError(to: expected) < 1e-6)
    }
    // A method that chooses further elements sees the whole gradient.
    let before = try #require(restricted.trainableGradient(of: part[0]))
    part[0].wantsWholeGradient = true
    let all = Self.gradients(part)
    #expect(all[part[0]]?.shape == [40, 50])
    #expect(try #require(all.trainableGradient(of: part[0])).relativeError(to: before) < 1e-6)
  }
}
