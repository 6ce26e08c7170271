// Times encoding of a file's lines on one worker and prints one JSON line.
//
//     swift run -c release --package-path Benchmarks tokenize-speed DIRECTORY FILE [passes]
import Foundation
import PEFTRuntime
import PEFTText

let arguments = CommandLine.arguments
guard arguments.count >= 3 else { fatalError("usage: tokenize-speed DIRECTORY FILE [passes]") }
WorkerPool.useWorkers(1)
let tokenizer = try Tokenizer.load(directory: arguments[1])
let lines = try String(contentsOfFile: arguments[2], encoding: .utf8)
  .split(separator: "\n").map { (text: String($0), pair: String?.none) }
var rates: [Double] = []
var tokens = 0
for _ in 0..<(arguments.count > 3 ? Int(arguments[3]) ?? 5 : 5) {
  let start = ContinuousClock.now
  tokens = tokenizer.encode(lines).reduce(0) { $0 + $1.ids.count }
  rates.append(Double(tokens) / ((ContinuousClock.now - start) / .seconds(1)))
}
let report: JSONValue = .object([
  "tokens": .integer(tokens),
  "median_tokens_per_second": .number(rates.sorted()[rates.count / 2]),
])
print(report.text())
