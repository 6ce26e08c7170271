// Times greedy generation for one sequence and prints one JSON line.
//
//     swift run -c release --package-path Benchmarks \
//       generate-time [new tokens] [prompt tokens] [runs] [gpt2 or smollm2]
//
// A shape with random weights, GPT-2 small if none is named; no end token. Tokens a second are the
// new ones over the time of reading the prompt and writing, the median of the runs after one that
// warms up.
import BenchmarkModels
import Foundation
import PEFTModels
import PEFTTensor

let arguments = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
let newTokens = arguments.first ?? 64
let promptLength = arguments.count > 1 ? arguments[1] : 32
let runs = arguments.count > 2 ? arguments[2] : 5
let shape = ModelShape(rawValue: CommandLine.arguments.last ?? "") ?? .gpt2

let model = shape.model()
let prompt = randomSequences(1, length: promptLength)[0]
var settings = GenerationSettings()
settings.maximumNewTokens = newTokens
var rates: [Double] = []
for run in 0...runs {
  let start = ContinuousClock.now
  let text = try model.generate([prompt], settings: settings, end: nil)[0]
  let seconds = (ContinuousClock.now - start) / .seconds(1)
  if run > 0 { rates.append(Double(text.count) / seconds) }
}
let report: JSONValue = .object([
  "shape": .string(shape.rawValue), "newTokens": .integer(newTokens),
  "promptTokens": .integer(promptLength),
  "workers": .integer(WorkerPool.shared.workerCount),
  "tokens_per_second": .number(rates.sorted()[rates.count / 2]),
  "peak_rss_mib": .integer(Processor.peakResidentBytes >> 20),
])
print(report.text())
