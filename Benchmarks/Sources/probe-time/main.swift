// Times the one-walk probe against training steps on random tokens, in one run, and
// prints one JSON line.
//
//     swift run -c release --package-path Benchmarks \
//       probe-time [base|minilm] [batch] [length] [repeats]
//
// The model has RoBERTa-base's shape (or MiniLM's) and random weights; dropout is off. A step is a
// whole training step of all parameters with AdamW. Medians over `repeats` rounds in which step,
// probe of all kind × layer groups, probe of all rows and probe of all tensors follow each other.
import BenchmarkModels
import Foundation
import PEFTModels
import PEFTNetwork
import PEFTSelect
import PEFTTensor

let arguments = Array(CommandLine.arguments.dropFirst())
func integer(_ position: Int, _ fallback: Int) -> Int {
  arguments.count > position ? Int(arguments[position]) ?? fallback : fallback
}
let isBase = arguments.first != "minilm"
let (batchSize, length, repeats) = (integer(1, 32), integer(2, 64), integer(3, 5))
let model = (isBase ? ModelShape.base : .minilm).model()
for entry in model.parameters { entry.parameter.trains = .all }
let texts = PackedBatch(sequences: randomSequences(batchSize, length: length))
let objective = ModelObjective(model)
let batch = Batch(
  texts: texts, targets: .classes((0..<batchSize).map { $0 % 2 }))
let groupings = try [GroupingRule.kindByLayer, .row, .tensor].map {
  try ParameterGrouping(model.parameters, by: $0)
}

let gradients = GradientAccumulator()
let parameters = model.parameters.map(\.parameter)
var optimizer = AdamW(parameters: parameters)
@MainActor func step() {
  gradients.reset()
  let tape = Tape()
  let loss = tape.loss(model.logits(batch.texts, on: tape), targets: batch.targets)
  tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
  let scale = clippingFactor(norm: gradients.globalNorm(of: parameters), limit: 1)
  optimizer.step(gradients: gradients, learningRate: 1e-6, gradientScale: scale)
}
@MainActor func seconds(_ body: () -> Void) -> Double {
  let start = ContinuousClock.now
  body()
  return (ContinuousClock.now - start) / .seconds(1)
}

step()
step()
let directions = Dictionary(
  uniqueKeysWithValues: parameters.map { parameter in
    (parameter, gradients[parameter] ?? Tensor(zeros: parameter.shape))
  })
var times: [[Double]] = [[], [], [], []]
for _ in 0..<repeats {
  times[0].append(seconds(step))
  for (index, grouping) in groupings.enumerated() {
    times[index + 1].append(
      seconds {
        _ = OneWalkProbe()(
          objective, batch, along: directions, groupings: [grouping], interactions: false,
          generator: SeededGenerator(seed: 3, purpose: "labels"))
      })
  }
}
let medians = times.map { $0.sorted()[repeats / 2] }
@MainActor func ratio(_ index: Int) -> String {
  String(format: "%.3f", medians[index] / medians[0])
}
print(
  #"{"model":"\#(isBase ? "roberta-base" : "minilm")","batch":\#(batchSize),"length":\#(length),"#
    + #""workers":\#(WorkerPool.shared.workerCount),"stepSeconds":\#(medians[0]),"#
    + #""kindLayer":{"groups":\#(groupings[0].count),"seconds":\#(medians[1]),"steps":\#(ratio(1))},"#
    + #""row":{"groups":\#(groupings[1].count),"seconds":\#(medians[2]),"steps":\#(ratio(2))},"#
    + #""tensor":{"groups":\#(groupings[2].count),"seconds":\#(medians[3]),"steps":\#(ratio(3))}}"#)
