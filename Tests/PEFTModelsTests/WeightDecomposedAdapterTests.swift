import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

@Suite("DoRA")
struct WeightDecomposedAdapterTests {
  private let generator = SeededGenerator(seed: 3, purpose: "dora")
  private let partition = RowPartition(lengths: [4, 1, 8])

  private func normal(_ shape: Shape, _ purpose: String) -> Tensor {
    var draws = generator.split(purpose)
    return Tensor(normal: shape, standardDeviation: 1, using: &draws)
  }

  /// A layer [5, 7] with an adapter; no element is zero.
  private func layer(dropout: Double) -> (layer: LinearLayer, adapter: WeightDecomposedAdapter) {
    let layer = LinearLayer(name: "map", inputs: 7, outputs: 5)
    layer.weight.value = normal([5, 7], "weight")
    layer.bias?.value = normal([5], "bias")
    let adapter = WeightDecomposedAdapter(
      "map",
      lowRank: LowRankAdapter(
        "map", down: normal([3, 7], "down"), up: normal([5, 3], "up"), scale: 0.7,
        dropout: dropout), magnitude: normal([5], "magnitude"))
    layer.adapter = adapter
    return (layer, adapter)
  }

  @Test("a new adapter leaves the linear map unchanged, bit for bit")
  func begins() {
    let (layer, _) = layer(dropout: 0)
    let x = Variable(constant: normal([13, 7], "x"), partition: partition)
    layer.adapter = nil
    let before = layer(x, on: Tape()).value
    layer.adapter = WeightDecomposedAdapter(
      for: layer,
      lowRank: LowRankAdapter(for: layer, rank: 3, scale: 2, using: generator))
    #expect(layer(x, on: Tape()).value.isIdentical(to: before))
  }

  @Test("dropout applies to the change of the weight: y = x Wᵀ + b + d(x) (W′ − W)ᵀ")
  func dropout() throws {
    let (layer, _) = layer(dropout: 0.4)
    let x = Variable(constant: normal([13, 7], "x"), partition: partition)
    let adapted = layer(x, on: Tape(dropout: generator)).value
    #expect(adapted.relativeError(to: layer(x, on: Tape()).value) > 0.1)

    let dropped = Tape(dropout: generator).dropout(x, probability: 0.4)
    let (base, bias) = (layer.weight.value, layer.bias)
    layer.mergeAdapter()
    var change = layer.weight.value
    change.add(base, scaledBy: -1)
    let tape = Tape()
    var expected = tape.linear(
      x, weight: Parameter(name: "base", value: base), bias: bias
    ).value
    expected.add(
      tape.linear(dropped, weight: Parameter(name: "change", value: change)).value, scaledBy: 1)
    // Sums of at most 7 products.
    #expect(adapted.relativeError(to: expected) < 2e-6)
  }

  @Test("the pullback is the transpose of the tangent, also with dropout", arguments: [0, 0.4])
  func transpose(dropout: Double) throws {
    let (layer, _) = layer(dropout: dropout)
    let tape = Tape(dropout: generator)
    let table = Parameter(name: "x", value: normal([13, 7], "x"))
    let x = tape.embeddingSum([(table: table, rows: Array(0..<13))], partition: partition)
    let y = layer(x, activation: .gelu, on: tape)
    let cotangent = normal([13, 5], "cotangent")
    let sink = GradientAccumulator()
    tape.pullBack(cotangent, from: y, to: sink, consuming: false)
    let leaves = layer.parameters + [table]
    #expect(leaves.count == 6)
    for leaf in leaves {
      let direction = normal(leaf.shape, "direction of " + leaf.name)
      let tangent = tape.tangent(of: y, along: [leaf: direction])
      let forward = tangent.dot(cotangent)
      let reverse = try #require(sink[leaf]).dot(direction)
      let size = (tangent.sumOfSquares * cotangent.sumOfSquares).squareRoot()
      #expect(size > 0.01)
      #expect(abs(forward - reverse) < 1e-5 * size, "\(leaf.name): \(forward), \(reverse)")
    }
  }
}
