import ArgumentParser
import BenchmarkModels
import PEFTModels
import PEFTNetwork
import PEFTTensor

/// Times training steps and prints one JSON line, as `peers/step_time.py` does.
@main
struct StepTime: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step-time",
    abstract: "Times training steps, or forward computations, and prints one JSON line.",
    discussion: """
      Random weights of a shape and random tokens; or, with --data, the lines of a TSV (text, label) in \
      batches as they come, with the tokenizer of --tokenizer. Two steps warm up; the median is over \
      the rest.
      """)

  @Option(
    help: """
      base (RoBERTa), minilm (BERT, 6 layers of 384), mpnet (base), gpt2 (small, language model) or \
      smollm2 (135M, language model).
      """)
  var shape = ModelShape.base
  @Option(
    help: """
      forward, products (the linear maps of a forward computation and nothing else), or a method: \
      full, lora, bitfit, norm, head, speft with --set by=random, id3, ….
      """)
  var method = "full"
  @Option(name: .customLong("set"), help: "A setting of the method, such as share=0.002.")
  var methodSettings: [String] = []
  @Flag(help: "Compute gradients only, without the optimizer's step.")
  var withoutOptimizer = false
  @Option(help: "Sequences in a batch.")
  var batch: Int?
  @Option(help: "Tokens of a sequence; with --data the most.")
  var length: Int?
  @Option(help: "Steps that are timed.")
  var steps = 8
  @Option(help: "Threads.")
  var workers = Processor.availableCores
  @Option(help: "Precision of products: fp32 or bf16.")
  var precision = Precision.fp32
  @Flag(help: "Train with dropout 0.1.")
  var dropout = false
  @Option(help: "TSV of texts and labels.")
  var data: String?
  @Option(help: "Directory of the tokenizer for --data.")
  var tokenizer: String?

  func run() throws {
    WorkerPool.useWorkers(workers)
    let isLanguage = shape.isLanguage
    let model = shape.model()
    let generator = SeededGenerator(seed: 1, purpose: "dropout")
    var training: MethodStep?
    if !["forward", "products"].contains(method) {
      training = try MethodStep(
        model, method: configuredMethod(), steps: steps + 2, precision: precision)
      training?.updates = !withoutOptimizer
    } else {
      for parameter in model.trainableParameters { parameter.trains = .none }
    }
    let batches = try TimedBatches(
      isLanguage: isLanguage, size: batch ?? (isLanguage ? 4 : 32),
      length: length ?? (isLanguage ? 256 : 64), data: data, tokenizer: tokenizer)
    let maps = model.backboneLinearLayers.map { ($0.weight, $0.bias) }
    var times: [Double] = []
    var (tokens, allocations) = (0, 0)
    for step in 0..<(steps + 2) {
      if step == 2 { allocations = TensorMemory.current.allocations }
      let (texts, targets) = batches[step]
      let begin = ContinuousClock.now
      let masks = dropout ? generator : nil
      if training != nil {
        try training?.take(texts, targets, dropout: masks)
      } else {
        let tape = Tape(dropout: masks?.split(step), precision: precision)
        if method == "products" {
          multiply(maps, rows: texts.tokenCount, on: tape)
        } else {
          _ = model.loss(texts, targets, on: tape)
        }
      }
      let now = ContinuousClock.now
      guard step >= 2 else { continue }
      times.append((now - begin) / .milliseconds(1))
      tokens += texts.tokenCount
    }
    let report: JSONValue = .object([
      "shape": .string(shape.rawValue), "method": .string(method),
      "workers": .integer(workers), "precision": .string(precision.rawValue),
      "dropout": .bool(dropout),
      "instructionSet": .string(VectorKernels.active.instructionSet.rawValue),
      "blasCore": .string(Processor.blasCoreName),
      "median_ms": .number(times.sorted()[times.count / 2]),
      "tokens_per_second": .number(1000 * Double(tokens) / times.reduce(0, +)),
      "trainable": .integer(model.trainableCount),
      "allocations": .integer(TensorMemory.current.allocations - allocations),
      "peak_tensors_mib": .integer(TensorMemory.current.peakBytesInUse >> 20),
      "peak_rss_mib": .integer(Processor.peakResidentBytes >> 20),
    ])
    print(report.text())
  }

  /// The method with its settings.
  private func configuredMethod() throws -> any AdaptationMethod {
    guard var made = MethodCatalogue.standard.method(named: method) else {
      throw ValidationError(
        "--method: forward, products or one of \(MethodCatalogue.standard.names)")
    }
    for setting in methodSettings {
      let parts = setting.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { throw ValidationError("--set \(setting): write NAME=VALUE") }
      try made.set(String(parts[0]), text: String(parts[1]))
    }
    return made
  }
}

/// Multiplies inputs of `rows` rows, zeros, by every map.
private func multiply(_ maps: [(weight: Parameter, bias: Parameter?)], rows: Int, on tape: Tape) {
  let partition = RowPartition(lengths: [rows])
  let widths = Set(maps.map(\.weight.shape[1]))
  let inputs = Dictionary(
    uniqueKeysWithValues: widths.map {
      ($0, Variable(constant: Tensor(zeros: [rows, $0]), partition: partition))
    })
  for (weight, bias) in maps {
    guard let input = inputs[weight.shape[1]] else { continue }
    _ = tape.linear(input, weight: weight, bias: bias)
  }
}

extension Precision: @retroactive ExpressibleByArgument {}
extension ModelShape: ExpressibleByArgument {}
