import CTileTwin
import PEFTTensor
import Testing

/// Tests the arithmetic of AMX's tiles in their twin in C, and the check that decides whether tiles
/// are used. `VectorKernelsProductTests` compares the twin's products with loops in Double.
@Suite struct TileProductTests {
  /// x [inner] · y [inner] as a product of one row and one column in bf16.
  private func dot(_ kernels: VectorKernels, _ x: [Float], _ y: [Float]) -> Float {
    product(kernels, rows: 1, columns: 1, x, y)[0]
  }

  /// x [rows, inner] · y [columns, inner]ᵀ in bf16, on one worker.
  private func product(
    _ kernels: VectorKernels, rows: Int, columns: Int, _ x: [Float], _ y: [Float]
  ) -> [Float] {
    let inner = x.count / rows
    return [Float](unsafeUninitializedCapacity: rows * columns) { c, count in
      x.withUnsafeBufferPointer { x in
        y.withUnsafeBufferPointer { y in
          guard let x = x.baseAddress, let y = y.baseAddress, let c = c.baseAddress else { return }
          kernels.product(
            .init(x, stride: inner), .init(y, stride: inner, isTransposed: true), rows: rows,
            columns: columns, inner: inner, into: c, stride: columns, precision: .bf16,
            on: WorkerPool(workerCount: 1))
          count = rows * columns
        }
      }
    }
  }

  @Test("the twin rounds like the instruction")
  func rounding() {
    let twin = VectorKernelCases.tileTwin
    let ones = [Float](repeating: 1, count: 4)
    // The first and second halves of the pairs have separate sums; with a single sum, the result
    // would stay 2^24.
    #expect(dot(twin, [0x1p24, 1, 0, 1], ones) == 0x1p24 + 2)
    #expect(dot(twin, [0x1p24, 1, 1, 0], ones) == 0x1p24)
    // Rounds to nearest, ties to even.
    #expect(dot(twin, [1, 0x1p-24, 0, 0], ones) == 1)
    #expect(dot(twin, [1, 0x1p-24, 0x1p-23, 0], ones) == 1 + 0x1p-22)
    // Tiles are summed one after another, with 32 terms each.
    let long = [0x1p24] + [Float](repeating: 0, count: 31) + [1] + [Float](repeating: 0, count: 31)
    #expect(dot(twin, long + long.dropFirst(32), [Float](repeating: 1, count: 96)) == 0x1p24)
  }

  @Test("the twin treats subnormal numbers as zero, and keeps infinities and NaN")
  func specials() {
    let twin = VectorKernelCases.tileTwin
    #expect(dot(twin, [0x1p-127, 1], [0x1p120, 3]) == 3)
    #expect(dot(twin, [0x1p-126, 1], [0x1p120, 3]) == 3 + 0x1p-6)
    #expect(dot(twin, [0x1p-100, 0], [0x1p-27, 0]) == 0)
    #expect(dot(twin, [0x1p-100, 0], [0x1p-26, 0]) == 0x1p-126)
    #expect(dot(twin, [0x1p100, 0], [0x1p100, 0]) == .infinity)
    #expect(dot(twin, [.infinity, 1], [1, 1]) == .infinity)
    #expect(dot(twin, [.infinity, -.infinity], [1, 1]).isNaN)
    #expect(dot(twin, [.nan, 1], [1, 1]).isNaN)
  }

  @Test("infinities stay in their row and column", arguments: [1, 31, 32, 33])
  func infinities(inner: Int) {
    var x = VectorKernelCases.floats(40 * inner, "x")
    var y = VectorKernelCases.floats(100 * inner, "y")
    x[17 * inner] = .infinity
    y[60 * inner] = .infinity
    let c = product(VectorKernelCases.tileTwin, rows: 40, columns: 100, x, y)
    for row in 0..<40 {
      for column in 0..<100 {
        #expect(c[row * 100 + column].isFinite == (row != 17 && column != 60))
      }
    }
  }

  @Test(
    "the twin agrees with the processor", .enabled(if: VectorKernels(.amx) != nil),
    arguments: [(33, 50, 70), (200, 97, 801)])
  func hardware(shape: (rows: Int, columns: Int, inner: Int)) throws {
    let x = VectorKernelCases.floats(shape.rows * shape.inner, "x")
    let y = VectorKernelCases.floats(shape.columns * shape.inner, "y")
    let results = [try #require(VectorKernels(.amx)), VectorKernelCases.tileTwin].map {
      product($0, rows: shape.rows, columns: shape.columns, x, y)
    }
    #expect(results[0] == results[1])
  }

  @Test("products that disagree are detected")
  func check() {
    #expect(peft_products_agree(peft_tile_twin(), peft_without_tiles()))
    var broken = peft_tile_twin().pointee
    broken.product = { _ in }
    #expect(!peft_products_agree(&broken, peft_without_tiles()))
  }
}
