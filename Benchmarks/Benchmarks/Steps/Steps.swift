import Benchmark
import PEFTModels
import PEFTTensor

// Operations and whole steps. Wall clock is told; a benchmark whose tensors take buffers from the
// system after the warm-up fails.

private let buffers = BenchmarkMetric.custom(
  "tensor buffers", polarity: .prefersSmaller, useScalingFactor: false)

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .cpuTotal, buffers], warmupIterations: 3, maxDuration: .seconds(2))

  for (rows, inputs, outputs) in [
    (2048, 768, 768), (2048, 768, 3072), (2048, 3072, 768), (2048, 768, 8),
  ] {
    let x = variable([rows, inputs])
    let weight = Parameter(name: "weight", value: tensor([outputs, inputs]), isTrainable: false)
    let bias = Parameter(name: "bias", value: tensor([outputs]), isTrainable: false)
    Benchmark("linear \(rows) × \(inputs) → \(outputs)") { benchmark in
      measure(benchmark) { blackHole(Tape().linear(x, weight: weight, bias: bias)) }
    }
  }
  Benchmark("GELU 2048 × 3072") { benchmark in
    let x = variable([2048, 3072])
    measure(benchmark) { blackHole(Tape().activation(x, .gelu)) }
  }
  Benchmark("layer norm 2048 × 768") { benchmark in
    let x = variable([2048, 768])
    let scale = Parameter(name: "scale", value: tensor([768]), isTrainable: false)
    let shift = Parameter(name: "shift", value: tensor([768]), isTrainable: false)
    measure(benchmark) {
      blackHole(Tape().layerNorm(x, residual: x, scale: scale, shift: shift, epsilon: 1e-5))
    }
  }
  for length in [32, 128, 512] {
    Benchmark("attention, 2048 tokens in sequences of \(length), 12 heads") { benchmark in
      let x = Variable(
        constant: tensor([2048, 3 * 768]),
        partition: RowPartition(lengths: Array(repeating: length, count: 2048 / length)))
      measure(benchmark) { blackHole(Tape().attention(queriesKeysValues: x, heads: 12)) }
    }
  }
  for method in [
    "full", "lora", "bitfit", "head", "speft by=random share=0.002", "id3 share=0.002",
  ] {
    Benchmark("step of a BERT of 6 layers of 384, 32 × 64 tokens, \(method)") { benchmark in
      let step = try TrainingStep(method)
      try measure(benchmark) { try step.take() }
    }
  }
  Benchmark("step of a BERT of 6 layers of 384, 32 × 64 tokens, full without its optimizer") {
    benchmark in
    let step = try TrainingStep("full", updates: false)
    try measure(benchmark) { try step.take() }
  }
}

/// Runs `body` for the iterations of a benchmark and counts the buffers that it takes.
private func measure(_ benchmark: Benchmark, _ body: () throws -> Void) rethrows {
  // The pool of buffers warms up with the body.
  for _ in 0..<3 { try body() }
  let before = TensorMemory.current.allocations
  benchmark.startMeasurement()
  for _ in benchmark.scaledIterations { try body() }
  benchmark.stopMeasurement()
  let taken = TensorMemory.current.allocations - before
  benchmark.measurement(buffers, taken)
  if taken > 0 { benchmark.error("\(taken) tensor buffers were allocated after the warm-up") }
}

private func tensor(_ shape: Shape) -> Tensor {
  var generator = SeededGenerator(seed: 1, purpose: "benchmark \(shape)")
  return Tensor(normal: shape, standardDeviation: 0.02, using: &generator)
}

private func variable(_ shape: Shape) -> Variable {
  Variable(constant: tensor(shape), partition: RowPartition(examples: shape.rows))
}
