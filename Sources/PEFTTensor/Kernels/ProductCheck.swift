import Glibc

/// Checks that this machine's matrix products are correct, and measures how fast they are.
public enum ProductCheck {
  /// The largest error that a correct product can have here: inner sums of 67 terms in Float32 stay
  /// below 67 units in the last place of the sum of magnitudes.
  private static let tolerance = 67 * Double(Float.ulpOfOne)

  /// Compares products of odd shapes, in all three orientations and both precisions, with loops in
  /// Double. Returns true if they agree. Takes a few milliseconds.
  public static func selfTest() -> Bool { Precision.allCases.allSatisfy(selfTest) }

  private static func selfTest(in precision: Precision) -> Bool {
    var generator = SeededGenerator(seed: 1, purpose: "self-test")
    let x = Tensor(normal: [53, 67], standardDeviation: 1, using: &generator)
    let weight = Parameter(
      name: "weight", value: Tensor(normal: [41, 67], standardDeviation: 1, using: &generator))
    let upstream = Tensor(normal: [53, 41], standardDeviation: 1, using: &generator)
    var gradient = Tensor(zeros: [41, 67])
    MatrixProduct.weightGradient(
      upstream: upstream, input: x, into: &gradient, accumulating: false, precision: precision)
    let outputs = MatrixProduct.forward(x, weight: weight, bias: nil, precision: precision)
    let inputs = MatrixProduct.inputGradient(upstream, weight: weight, precision: precision)
    let w = weight.value
    return agrees(outputs, inner: 67, precision) { (x[$0, $2], w[$1, $2]) }
      && agrees(inputs, inner: 41, precision) { (upstream[$0, $2], w[$2, $1]) }
      && agrees(gradient, inner: 53, precision) { (upstream[$2, $0], x[$2, $1]) }
  }

  private static func agrees(
    _ product: Tensor, inner: Int, _ precision: Precision,
    terms: (Int, Int, Int) -> (Float, Float)
  ) -> Bool {
    let elements = product.elements
    for row in 0..<product.shape[0] {
      for column in 0..<product.shape[1] {
        var sum = 0.0
        var magnitude = 0.0
        for index in 0..<inner {
          let (a, b) = terms(row, column, index)
          let term = Double(rounded(a, to: precision)) * Double(rounded(b, to: precision))
          sum += term
          magnitude += abs(term)
        }
        let value = Double(elements[row * product.shape[1] + column])
        // Written so that a NaN fails the check.
        guard abs(value - sum) <= tolerance * magnitude else { return false }
      }
    }
    return true
  }

  /// A finite factor, rounded the way products round it: to the nearest bfloat16, ties to even.
  private static func rounded(_ x: Float, to precision: Precision) -> Float {
    guard precision == .bf16 else { return x }
    let bits = x.bitPattern
    return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  private static let (rows, inputs, outputs) = (2048, 384, 1536)

  /// GFLOP/s of x [2048, 384] · W [1536, 384]ᵀ with this many workers: the median of nine runs. In
  /// bf16, W is packed beforehand, like a frozen weight.
  public static func gigaflops(workers: Int, precision: Precision = .fp32) -> Double {
    let pool = WorkerPool.shared.workerCount
    WorkerPool.useWorkers(workers)
    defer { WorkerPool.useWorkers(pool) }
    let (x, values) = factors()
    let weight = Parameter(name: "weight", value: values, isTrainable: false)
    return gigaflops {
      _ = MatrixProduct.forward(x, weight: weight, bias: nil, precision: precision)
    }
  }

  /// GFLOP/s of the same product computed by one BLAS call on one thread.
  public static func blasGigaflops() -> Double {
    let (x, weight) = factors()
    var y = Tensor(zeros: [rows, outputs])
    return gigaflops {
      y.withUnsafeMutableElements { y in
        guard let y = y.baseAddress else { return }
        withElements(of: x, weight) { x, weight in
          BLAS.product(
            .plain, .transposed, rows: rows, columns: outputs, inner: inputs, x, inputs, weight,
            inputs, y, outputs)
        }
      }
    }
  }

  private static func factors() -> (Tensor, Tensor) {
    (
      Tensor(repeating: 0.5, shape: [rows, inputs]),
      Tensor(repeating: 0.25, shape: [outputs, inputs])
    )
  }

  private static func gigaflops(_ product: () -> Void) -> Double {
    let seconds = (0..<10).map { _ in
      let start = ContinuousClock.now
      product()
      return (ContinuousClock.now - start) / .seconds(1)
    }.dropFirst().sorted()
    return 2 * Double(rows * inputs * outputs) / seconds[seconds.count / 2] / 1e9
  }

  /// A warning if the core type that BLAS detected, or was told to use, is wrong for this machine;
  /// nil if it is right.
  public static var coreTypeWarning: String? {
    let core = BLAS.coreName
    let flags = Processor.flags
    let usesAVX512 = ["SkylakeX", "Cooperlake", "SapphireRapids"].contains(core)
    let usesAVX2 = usesAVX512 || ["Haswell", "Zen", "Excavator"].contains(core)
    let isBelow =
      (flags.contains("avx512f") && flags.contains("avx512vl") && !usesAVX512)
      || (flags.contains("avx2") && !usesAVX2)
    guard isBelow else { return nil }
    if let forced = getenv("OPENBLAS_CORETYPE") {
      return "OPENBLAS_CORETYPE=\(String(cString: forced)) makes BLAS use \(core) kernels, below "
        + "what this processor can do; unset it, as with: env -u OPENBLAS_CORETYPE peft …"
    }
    return "BLAS uses \(core) kernels, below what this processor can do; try "
      + "OPENBLAS_CORETYPE=SkylakeX and compare the speeds"
  }
}
