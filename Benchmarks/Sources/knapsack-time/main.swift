// Times the knapsack solvers and prints one JSON line for each instance: the median of five.
//
//     swift run -c release --package-path Benchmarks knapsack-time
//
// The frontiers are those of parameter selection: the tensors of RoBERTa-base, those of
// RoBERTa-large with the factors of adapters, and the rows of RoBERTa-large. Values are random,
// proportional to a power of the size.
import Foundation
import PEFTSelect
import PEFTTensor

func milliseconds(_ repetitions: Int = 5, _ body: () -> Void) -> Double {
  let times = (0..<repetitions).map { _ in
    let start = ContinuousClock.now
    body()
    return 1e3 * ((ContinuousClock.now - start) / .seconds(1))
  }
  return times.sorted()[repetitions / 2]
}

/// The sizes of the tensors of a RoBERTa with a two-class head.
func robertaSizes(hidden: Int, layers: Int, inner: Int) -> [Int] {
  let layer =
    [hidden * hidden, hidden, hidden * hidden, hidden, hidden * hidden, hidden]
    + [hidden * hidden, hidden, hidden, hidden, inner * hidden, inner, hidden * inner, hidden]
    + [hidden, hidden]
  return [50265 * hidden, 514 * hidden, hidden, hidden, hidden]
    + (0..<layers).flatMap { _ in layer }
}

func instance(_ sizes: [Int], seed: UInt64) throws -> KnapsackInstance {
  var generator = SeededGenerator(seed: seed, purpose: "values")
  let items = sizes.map {
    KnapsackItem(
      weight: Int64($0), value: pow(Double($0), 0.6) * exp(generator.normal()) * 1e-6)
  }
  return try KnapsackInstance(items: items, capacity: 0)
}

let base = robertaSizes(hidden: 768, layers: 12, inner: 3072)
let large = robertaSizes(hidden: 1024, layers: 24, inner: 4096)
let factors = (0..<24).flatMap { _ in
  [4, 8, 16, 32].flatMap { rank in Array(repeating: rank * 1024, count: 4) }
}
let rows =
  Array(repeating: 1024, count: 24 * (4 * 1024 + 4096) + 312)
  + Array(repeating: 4096, count: 24 * 1024)
for (name, sizes) in [
  ("tensors of a base model", base), ("tensors and factors of a large model", large + factors),
  ("rows of a large model", rows),
] {
  let problem = try instance(sizes, seed: 1)
  var points = 0
  let time = milliseconds { points = problem.frontier()?.points.count ?? 0 }
  print(
    #"{"frontier":"\#(name)","items":\#(sizes.count),"points":\#(points),"milliseconds":\#(time)}"#)
}

for family in ["uncorrelated", "strongly correlated"] {
  for count in [1000, 10_000, 100_000] {
    var generator = SeededGenerator(seed: 2, purpose: family)
    let items = (0..<count).map { _ in
      let weight = 1 + Int(generator.uniform() * 1000)
      let value = family == "uncorrelated" ? 1 + Int(generator.uniform() * 1000) : weight + 100
      return KnapsackItem(weight: Int64(weight), value: Double(value))
    }
    let problem = try KnapsackInstance(
      items: items, capacity: items.reduce(0) { $0 + $1.weight } / 2)
    var proven = false
    let time = milliseconds { proven = problem.solve().isProvenOptimal }
    print(
      #"{"one capacity":"\#(family)","items":\#(count),"proven":\#(proven),"milliseconds":\#(time)}"#
    )
  }
}
