// Times products with a frozen weight, y = x Wᵀ, and prints one JSON line of milliseconds by shape,
// as `peers/products.py --torch` does of PyTorch's.
//
//     product-time PRECISION WORKERS REPEATS ROWSxINPUTSxOUTPUTS…
//
// x and y are Float32; in bf16 the weight is packed before, as that of a model is in its first
// step. Medians over the repeats; between two of them a buffer larger than the last cache is
// written, so that x and W come from memory.
import Foundation
import PEFTTensor

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count >= 4, let precision = Precision(rawValue: arguments[1]),
  let workers = Int(arguments[2]), let repeats = Int(arguments[3])
else { fatalError("product-time PRECISION WORKERS REPEATS ROWSxINPUTSxOUTPUTS…") }
WorkerPool.useWorkers(workers)
var draws = SeededGenerator(seed: 1, purpose: "products")
var cache = [UInt8](repeating: 0, count: 64 << 20)
var times: [(String, JSONValue)] = []
for shape in arguments.dropFirst(3) {
  let extents = shape.split(separator: "x").compactMap { Int($0) }
  guard extents.count == 3 else { fatalError("\(shape): give ROWSxINPUTSxOUTPUTS") }
  let weight = Parameter(
    name: "weight",
    value: Tensor(normal: [extents[2], extents[1]], standardDeviation: 1, using: &draws),
    isTrainable: false)
  let x = Variable(
    constant: Tensor(normal: [extents[0], extents[1]], standardDeviation: 1, using: &draws),
    partition: RowPartition(examples: extents[0]))
  func milliseconds() -> Double {
    for index in stride(from: 0, to: cache.count, by: 64) { cache[index] &+= 1 }
    let start = ContinuousClock.now
    _ = Tape(precision: precision).linear(x, weight: weight)
    return (ContinuousClock.now - start) / .milliseconds(1)
  }
  _ = milliseconds()
  let sorted = (0..<repeats).map { _ in milliseconds() }.sorted()
  times.append((shape, .number(sorted[repeats / 2])))
}
var document = JSONObject()
for (shape, time) in times { document[shape] = time }
print(JSONValue.object(document).text())
