import PEFTTensor
import Testing

/// Compares the product in tiles with loops in Double.
@Suite struct VectorKernelsProductTests {
  /// A product of a given shape, with extra space after the rows of every matrix.
  private struct Problem {
    let (rows, columns, inner): (Int, Int, Int)
    let isTransposedA: Bool
    let isTransposedB: Bool
    let (a, b, bias, start): ([Float], [Float], [Float], [Float])
    static let room = 3

    init(_ shape: (Int, Int, Int), _ isTransposedA: Bool, _ isTransposedB: Bool) {
      (rows, columns, inner) = shape
      self.isTransposedA = isTransposedA
      self.isTransposedB = isTransposedB
      a = VectorKernelCases.floats((rows + Self.room) * (inner + Self.room), "a")
      b = VectorKernelCases.floats((columns + Self.room) * (inner + Self.room), "b")
      bias = VectorKernelCases.floats(columns, "bias")
      start = VectorKernelCases.floats(rows * (columns + Self.room), "start")
    }

    var strideA: Int { (isTransposedA ? rows : inner) + Self.room }
    var strideB: Int { (isTransposedB ? inner : columns) + Self.room }
    var stride: Int { columns + Self.room }

    func elementA(_ row: Int, _ k: Int) -> Float {
      isTransposedA ? a[k * strideA + row] : a[row * strideA + k]
    }

    func elementB(_ k: Int, _ column: Int) -> Float {
      isTransposedB ? b[column * strideB + k] : b[k * strideB + column]
    }

    /// The product for some of the rows and columns; the rest of C keeps its values.
    func product(
      _ kernels: VectorKernels, rows part: Range<Int>, columns strip: Range<Int>, scale: Float,
      hasBias: Bool, accumulating: Bool, precision: Precision = .fp32,
      on pool: WorkerPool = WorkerPool(workerCount: 1)
    ) -> [Float] {
      var c = start
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          bias.withUnsafeBufferPointer { bias in
            c.withUnsafeMutableBufferPointer { c in
              guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress,
                let bias = bias.baseAddress
              else { return }
              let (row, column) = (part.lowerBound, strip.lowerBound)
              kernels.product(
                .init(
                  a + row * (isTransposedA ? 1 : strideA), stride: strideA,
                  isTransposed: isTransposedA),
                .init(
                  b + column * (isTransposedB ? strideB : 1), stride: strideB,
                  isTransposed: isTransposedB),
                rows: part.count, columns: strip.count, inner: inner, scale: scale,
                bias: hasBias ? bias + column : nil, accumulating: accumulating,
                into: c + row * stride + column, stride: stride,
                precision: precision, on: pool)
            }
          }
        }
      }
      return c
    }
  }

  /// Sizes below and above those of a tile, a panel and a block in each direction.
  private static let shapes = [
    (1, 1, 1), (2, 17, 3), (3, 5, 16), (7, 47, 31), (8, 48, 192), (13, 49, 193), (17, 96, 40),
    (9, 145, 1), (193, 33, 65), (201, 50, 200), (5, 769, 19), (31, 10, 577),
  ]

  @Test(arguments: VectorKernelCases.productKernels, Precision.allCases)
  func agree(kernels: VectorKernels, precision: Precision) {
    for isTransposedA in [false, true] { agree(kernels, isTransposedA, precision) }
  }

  private func agree(_ kernels: VectorKernels, _ isTransposedA: Bool, _ precision: Precision) {
    for shape in Self.shapes {
      for isTransposedB in [false, true] {
        let problem = Problem(shape, isTransposedA, isTransposedB)
        let (rows, columns, inner) = shape
        for (scale, hasBias, accumulating) in [
          (1, false, false), (-0.5, true, false), (1, true, true), (2, false, true),
        ] as [(Float, Bool, Bool)] {
          let c = problem.product(
            kernels, rows: 0..<rows, columns: 0..<columns, scale: scale, hasBias: hasBias,
            accumulating: accumulating, precision: precision)
          var worst = 0.0
          for row in 0..<rows {
            for column in 0..<columns {
              let place = row * problem.stride + column
              var terms = (0..<inner).map {
                Double(scale) * precision.rounded(problem.elementA(row, $0))
                  * precision.rounded(problem.elementB($0, column))
              }
              if hasBias { terms.append(Double(problem.bias[column])) }
              if accumulating { terms.append(Double(problem.start[place])) }
              let size = terms.reduce(0) { $0 + abs($1) }
              let error = abs(Double(c[place]) - terms.reduce(0, +)) / max(size, 1e-30)
              worst = max(worst, error)
            }
            let behind = row * problem.stride + columns..<(row + 1) * problem.stride
            #expect(c[behind] == problem.start[behind], "\(shape)")
          }
          let roundings = Self.roundings(kernels, inner: inner, precision: precision)
          #expect(worst <= 0x1p-24 * Double(roundings), "\(shape), \(worst)")
        }
      }
    }
  }

  /// The number of times a term is rounded along with its sum: in blocks of 192 terms
  /// (384 in bf16), and for the blocks, the scale and the addends. With AMX, a block is up to 12
  /// tiles, each with two sums of up to 16 terms.
  private static func roundings(
    _ kernels: VectorKernels, inner: Int, precision: Precision
  ) -> Int {
    let block = precision == .bf16 ? 384 : 192
    let terms = min(inner, block)
    let isTiled = kernels.instructionSet == .amx && precision == .bf16
    let within = isTiled ? min((terms + 1) / 2, 16) + 1 + (terms + 31) / 32 : terms
    return within + inner / block + 4
  }

  @Test(
    "an element does not depend on which others are computed with it",
    arguments: VectorKernelCases.productKernels)
  func cuts(kernels: VectorKernels) {
    for precision in Precision.allCases { cuts(kernels, precision) }
  }

  private func cuts(_ kernels: VectorKernels, _ precision: Precision) {
    let shape = (57, 211, 400)
    for (isTransposedA, isTransposedB) in [(false, true), (false, false), (true, false)] {
      let problem = Problem(shape, isTransposedA, isTransposedB)
      let whole = problem.product(
        kernels, rows: 0..<57, columns: 0..<211, scale: 0.3, hasBias: true, accumulating: true,
        precision: precision)
      for (part, strip) in [(0..<1, 0..<211), (3..<20, 100..<101), (50..<57, 7..<150)] {
        let c = problem.product(
          kernels, rows: part, columns: strip, scale: 0.3, hasBias: true, accumulating: true,
          precision: precision)
        for row in 0..<57 {
          for column in 0..<211 {
            let place = row * problem.stride + column
            let isInside = part.contains(row) && strip.contains(column)
            #expect(c[place] == (isInside ? whole : problem.start)[place])
          }
        }
      }
    }
  }

  /// Products, each with B as it is and transposed, and the ranks of those that are added.
  private static let sums = [
    ((57, 211, 400), 8), ((700, 31, 65), 1), ((9, 500, 7), 33), ((20, 2100, 2048), 200),
  ].map { shape, rank in
    (problems: [false, true].map { Problem(shape, false, $0) }, rank: rank)
  }

  @Test(
    "accumulating equals adding another product",
    arguments: VectorKernelCases.productKernels, Precision.allCases)
  func additions(kernels: VectorKernels, precision: Precision) {
    for (problems, rank) in Self.sums {
      let (rows, columns, inner) = (problems[0].rows, problems[0].columns, problems[0].inner)
      let (left, right) = (
        VectorKernelCases.floats(rows * rank, "left"),
        VectorKernelCases.floats(columns * rank, "right")
      )
      for (problem, isPacked) in problems.flatMap({ [($0, false), ($0, true)] }) {
        let isTransposed = problem.isTransposedB
        let pool = WorkerPool(workerCount: 3)
        let results = [false, true].map { isTogether in
          let (a, b, left, right) = (
            Tensor(problem.a, shape: [problem.a.count]),
            Tensor(problem.b, shape: [problem.b.count]),
            Tensor(left, shape: [left.count]), Tensor(right, shape: [right.count])
          )
          var c = Tensor(problem.start, shape: [problem.start.count])
          pointers(to: a, b, left, right, &c) { a, b, left, right, c in
            let thin = VectorKernels.Factor(
              right, stride: isTransposed ? rank : columns, isTransposed: isTransposed)
            let addition = VectorKernels.Addition(
              .init(left, stride: rank),
              PackedFactor(
                thin, columns: 0..<columns, inner: rank, precision: .fp32, by: kernels, on: pool),
              scale: 0.7)
            let factors = (
              VectorKernels.Factor(a, stride: problem.strideA),
              VectorKernels.Factor(b, stride: problem.strideB, isTransposed: isTransposed)
            )
            if isPacked {
              kernels.product(
                factors.0,
                PackedFactor(
                  factors.1, columns: 0..<columns, inner: inner, precision: precision,
                  by: kernels, on: pool), rows: rows, into: c, stride: problem.stride, on: pool,
                adding: isTogether ? addition : nil)
            } else {
              kernels.product(
                factors.0, factors.1, rows: rows, columns: columns, inner: inner, into: c,
                stride: problem.stride, precision: precision, on: pool,
                adding: isTogether ? addition : nil)
            }
            guard !isTogether else { return }
            kernels.product(
              .init(left, stride: rank), thin, rows: rows, columns: columns, inner: rank,
              scale: 0.7, accumulating: true, into: c, stride: problem.stride, on: pool)
          }
          return c.elements
        }
        #expect(results[0] == results[1], "\(rows) × \(columns) × \(inner), rank \(rank)")
      }
    }
  }

  private func pointers(
    to a: Tensor, _ b: Tensor, _ left: Tensor, _ right: Tensor, _ c: inout Tensor,
    _ body: (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>,
      UnsafeMutablePointer<Float>
    ) -> Void
  ) {
    c.withUnsafeMutableElements { c in
      a.withUnsafeElements { a in
        b.withUnsafeElements { b in
          left.withUnsafeElements { left in
            right.withUnsafeElements { right in
              guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress,
                let left = left.baseAddress, let right = right.baseAddress
              else { return }
              body(a, b, left, right, c)
            }
          }
        }
      }
    }
  }

  @Test("the workers do not change a bit", arguments: VectorKernelCases.productKernels)
  func workers(kernels: VectorKernels) {
    for shape in [(57, 211, 400), (8, 500, 300), (700, 31, 65), (97, 64, 40)] {
      for (isTransposedA, isTransposedB) in [(false, true), (false, false), (true, false)] {
        for precision in Precision.allCases {
          let problem = Problem(shape, isTransposedA, isTransposedB)
          let results = [1, 2, 3, 5].map {
            problem.product(
              kernels, rows: 0..<shape.0, columns: 0..<shape.1, scale: 0.3, hasBias: true,
              accumulating: true, precision: precision, on: WorkerPool(workerCount: $0))
          }
          #expect(Set(results).count == 1, "\(shape)")
        }
      }
    }
  }
}

extension Precision {
  /// A factor rounded as the products do it: to nearest, ties to even.
  fileprivate func rounded(_ x: Float) -> Double {
    guard self == .bf16 else { return Double(x) }
    let unit = x == 0 ? 1 : Double(sign: .plus, exponent: x.exponent - 7, significand: 1)
    return (Double(x) / unit).rounded(.toNearestOrEven) * unit
  }
}
