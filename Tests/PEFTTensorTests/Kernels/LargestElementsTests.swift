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

  @Test("of several tensors are those that sorting finds, too", arguments: [0, 1, 7, 300, 5000])
  func highest(_ count: Int) {
    var draws = SeededGenerator(seed: UInt64(count) + 1, purpose: "elements")
    let tensors = [400, 30, 700].map { size in
      Tensor((0..<size).map { _ in Float(Int(draws.uniform() * 41) - 20) }, shape: [size])
    }
    // −∞ and NaN are in no list.
    let last = Tensor([-.infinity, .nan, 20], shape: [3])
    let all = (tensors + [last]).enumerated().flatMap { index, tensor in
      tensor.elements.enumerated().map { (score: $1, tensor: index, position: $0) }
    }.filter { $0.score > -.infinity }
    let order = all.sorted {
      ($1.score, $0.tensor, $0.position) < ($0.score, $1.tensor, $1.position)
    }.prefix(count)
    let found = Tensor.highestPositions(
      count, of: (tensors + [last]).map { tensor in { tensor } } + [{ nil }])
    #expect(found.count == 5 && found[4].isEmpty)
    for index in 0..<4 {
      #expect(found[index] == order.filter { $0.tensor == index }.map(\.position).sorted())
    }
  }
}
