// Times training steps on random tokens and prints one JSON line, as its PyTorch counterpart does.
//
//     swift run -c release --package-path Benchmarks step-time [shape] [method] [batch] [length] [steps]
//
// The shape is minilm (BERT: 6 layers, hidden 384, 12 heads, feed-forward 1536, two classes) or gpt2 (GPT-2
// small as a language model, every token predicted); weights are random and dropout is off. The median is
// over `steps` steps after two that warm up.
import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor

let arguments = Array(CommandLine.arguments.dropFirst())
func integer(_ position: Int, _ fallback: Int) -> Int {
  arguments.count > position ? Int(arguments[position]) ?? fallback : fallback
}
let shape = arguments.first ?? "minilm"
let methodName = arguments.count > 1 ? arguments[1] : "full"
let isLanguage = shape == "gpt2"
let (batchSize, length, steps) = (
  integer(2, isLanguage ? 4 : 32), integer(3, isLanguage ? 256 : 64), integer(4, 8)
)

let model: TransformerModel
switch shape {
case "minilm":
  let configuration = EncoderConfiguration(
    architecture: .bert, vocabularySize: 30522, hiddenSize: 384, layerCount: 6, headCount: 12,
    intermediateSize: 1536, positionCount: 512, tokenTypeCount: 2, epsilon: 1e-12,
    activation: .gelu,
    hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil, paddingID: 0,
    initializerRange: 0.02, labelNames: nil)
  model = TransformerModel(
    configuration: .encoder(configuration), output: .classes(2, pooling: .first))
case "base":
  let configuration = EncoderConfiguration(
    architecture: .roberta, vocabularySize: 50265, hiddenSize: 768, layerCount: 12, headCount: 12,
    intermediateSize: 3072, positionCount: 514, tokenTypeCount: 1, epsilon: 1e-5,
    activation: .gelu,
    hiddenDropout: 0.1, attentionDropout: 0.1, classifierDropout: nil, paddingID: 1,
    initializerRange: 0.02, labelNames: nil)
  model = TransformerModel(
    configuration: .encoder(configuration), output: .classes(2, pooling: .first))
case "gpt2":
  let configuration = GPT2Configuration(
    vocabularySize: 50257, hiddenSize: 768, layerCount: 12, headCount: 12, positionCount: 1024)
  model = TransformerModel(configuration: .gpt2(configuration), output: .vocabulary)
default: fatalError("unknown shape \(shape): minilm or gpt2")
}
let generator = SeededGenerator(seed: 1, purpose: "weights")
model.initializeWeights(using: generator)
guard let method = AdaptationMethods.method(named: methodName) else {
  fatalError("unknown method \(methodName): one of \(AdaptationMethods.names)")
}
method.attach(to: model, using: generator)
var tokens = SeededGenerator(seed: 2, purpose: "tokens")
let sequences = (0..<batchSize).map { _ in
  (0..<length).map { _ in Int32.random(in: 5..<30000, using: &tokens) }
}
let batch = PackedBatch(
  sequences: sequences,
  predicted: isLanguage ? sequences.map { Array(0..<$0.count - 1) } : nil)
let targets: Targets =
  isLanguage
  ? .tokens(sequences.map { Array($0.dropFirst()) })
  : .classes((0..<batchSize).map { $0 % 2 })
let usesDropout = ProcessInfo.processInfo.environment["DROPOUT"] != nil

let gradients = GradientAccumulator()
let parameters = model.trainableParameters
var optimizer = AdamW(parameters: parameters)
var times: [Double] = []
var allocations = 0
for step in 0..<(steps + 2) {
  if step == 2 { allocations = TensorMemory.current.allocations }
  let start = ContinuousClock.now
  gradients.reset()
  let tape = Tape(dropout: usesDropout ? generator.split(step) : nil)
  let loss = model.loss(batch, targets, on: tape)
  tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
  optimizer.step(gradients: gradients, learningRate: 1e-4, gradientScale: 1)
  let elapsed = (ContinuousClock.now - start) / .milliseconds(1)
  if step >= 2 { times.append(elapsed) }
}
let median = times.sorted()[times.count / 2]
let report: JSONValue = .object([
  "shape": .string(shape), "method": .string(methodName), "batch": .integer(batchSize),
  "length": .integer(length),
  "workers": .integer(WorkerPool.shared.workerCount),
  "instructionSet": .string(VectorKernels.active.instructionSet.rawValue),
  "blasCore": .string(Processor.blasCoreName), "median_ms": .number(median),
  "tokens_per_second": .number(1000 * Double(batch.tokenCount) / median),
  "trainable": .integer(parameters.reduce(0) { $0 + $1.count }),
  "allocations": .integer(TensorMemory.current.allocations - allocations),
  "peak_tensors_mib": .integer(TensorMemory.current.peakBytesInUse >> 20),
  "pool_mib": .integer(TensorMemory.current.bytesInPool >> 20),
  "in_use_mib": .integer(TensorMemory.current.bytesInUse >> 20),
  "peak_rss_mib": .integer(Processor.peakResidentBytes >> 20),
])
print(report.text())
