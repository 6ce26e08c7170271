import PEFTTensor
import Testing

@Suite("Largest elements")
struct LargestElementsTests {
  @Test("are those that sorting finds, the largest first", arguments: [0, 1, 7, 100, 999, 2000])
  func largest(_ count: Int) {
    var draws = SeededGenerator(seed: UInt64(count) + 1, purpose: "elements")
    // Few different values, so that there are ties, and zeros.
    let values = (0..<1000).map { _ in Float(Int(draws.uniform() * 41) - 20) }
    let tensor = Tensor(values, shape: [10, 100])
    let order = values.indices.filter { values[$0] != 0 }.sorted {
      (abs(values[$0]), $1) > (abs(values[$1]), $0)
    }
    #expect(tensor.largestPositions(count) == Array(order.prefix(count)))
  }
}
