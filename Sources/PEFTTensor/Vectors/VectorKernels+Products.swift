import CPEFTKernels

extension VectorKernels {
  /// A factor of a product: a row-major matrix in memory, used as stored or transposed.
  package struct Factor {
    /// The first element.
    let start: UnsafePointer<Float>
    /// The distance between two rows as stored, in elements.
    let stride: Int
    /// Whether the stored matrix is the transpose of the factor.
    let isTransposed: Bool

    /// Creates a factor from its first element and stride.
    package init(_ start: UnsafePointer<Float>, stride: Int, isTransposed: Bool = false) {
      self.start = start
      self.stride = stride
      self.isTransposed = isTransposed
    }
  }

  /// A second factor of a product in fp32 whose stored numbers are bfloat16.
  package struct BFloatFactor {
    /// The first element.
    let start: UnsafePointer<UInt16>
    /// The distance between two rows as stored, in elements.
    let stride: Int
    /// Whether the stored matrix is the transpose of the factor.
    let isTransposed: Bool

    /// Creates a factor from its first element and stride.
    package init(_ start: UnsafePointer<UInt16>, stride: Int, isTransposed: Bool = false) {
      self.start = start
      self.stride = stride
      self.isTransposed = isTransposed
    }
  }

  /// Whether `product` is faster than BLAS, which is so with vectors of at least 8 numbers.
  package var multipliesFast: Bool { instructionSet != .baseline }

  /// Whether the instruction set has bfloat16 products.
  package var multipliesBFloatFast: Bool {
    instructionSet == .avx512BF16 || instructionSet == .amx
  }

  /// C [rows, columns] ← scale · A [rows, inner] · B [inner, columns] (+ bias [columns]) (+ C),
  /// with rows of C at a distance of `stride`.
  ///
  /// The result of an element depends only on its row of A and its column of B, not on what else is
  /// computed with it. Without `accumulating`, C is only written, so it may be uninitialised.
  ///
  /// The workers first pack B into panels, each panel once for all workers, and then take tiles of
  /// C as they become free. For few rows, B is not packed if it is stored by rows. The worker that
  /// completes a part of C then calls `completion` with the part's rows and columns, while the part
  /// is in its cache.
  ///
  /// - Parameter addition: a term added to each part before `completion` is called.
  /// - Accuracy: sums of 192 terms, 384 with AVX2, are accumulated in Float in order, and so are
  ///   these partial sums. In bf16 they have twice as many terms, exact products of the rounded
  ///   factors; with AMX a partial sum has 24 parts of 16 terms.
  package func product(
    _ a: Factor, _ b: Factor, rows: Int, columns: Int, inner: Int, scale: Float = 1,
    bias: UnsafePointer<Float>? = nil, accumulating: Bool = false,
    into c: UnsafeMutablePointer<Float>, stride: Int, precision: Precision = .fp32,
    on pool: WorkerPool, adding addition: Addition? = nil, completion: Completion? = nil
  ) {
    let panel = functions.panel
    let target = Target(
      rows: rows, columns: columns, inner: inner, scale: scale, bias: bias,
      accumulating: accumulating, start: c, stride: stride, precision: precision,
      addition: addition, completion: completion)
    var column = 0
    if rows <= Self.rowsOfStreamed, !b.isTransposed, columns >= panel, precision == .fp32 {
      column = columns / panel * panel
      multiply(
        a, Panels(start: b.start, stride: panel, step: b.stride), into: target,
        columns: 0..<column, on: pool)
    }
    multiply(a, into: target, from: column, on: pool) { strip in
      PackedFactor(b, columns: strip, inner: inner, precision: precision, by: self, on: pool)
    }
  }

  /// The same in fp32 with a B of bfloat16 numbers: the bits are those of B in Float.
  package func product(
    _ a: Factor, _ b: BFloatFactor, rows: Int, columns: Int, inner: Int,
    bias: UnsafePointer<Float>? = nil, into c: UnsafeMutablePointer<Float>, stride: Int,
    on pool: WorkerPool, adding addition: Addition? = nil, completion: Completion? = nil
  ) {
    let target = Target(
      rows: rows, columns: columns, inner: inner, scale: 1, bias: bias, accumulating: false,
      start: c, stride: stride, precision: .fp32, addition: addition, completion: completion)
    multiply(a, into: target, from: 0, on: pool) { strip in
      PackedFactor(b, columns: strip, inner: inner, precision: .fp32, by: self, on: pool)
    }
  }

  /// Computes the columns of C from `first` on, packing as many columns of B at once as fit in the
  /// last-level cache.
  private func multiply(
    _ a: Factor, into target: Target, from first: Int, on pool: WorkerPool,
    packing pack: (Range<Int>) -> PackedFactor
  ) {
    let panel = functions.panel
    let chunk = max(1, Self.packedElements / (target.inner * panel)) * panel
    for column in stride(from: first, to: target.columns, by: chunk) {
      let strip = column..<min(target.columns, column + chunk)
      let packed = pack(strip)
      multiply(a, packed.panels, into: target, columns: strip, on: pool)
      withExtendedLifetime(packed) {}
    }
  }

  /// The product with a B that is already packed, which determines the columns, the inner extent
  /// and the precision.
  package func product(
    _ a: Factor, _ b: PackedFactor, rows: Int, scale: Float = 1,
    bias: UnsafePointer<Float>? = nil, accumulating: Bool = false,
    into c: UnsafeMutablePointer<Float>, stride: Int, on pool: WorkerPool,
    adding addition: Addition? = nil, completion: Completion? = nil
  ) {
    precondition(b.instructionSet == instructionSet, "product: a factor packed by other kernels")
    let target = Target(
      rows: rows, columns: b.columns, inner: b.inner, scale: scale, bias: bias,
      accumulating: accumulating, start: c, stride: stride, precision: b.precision,
      addition: addition, completion: completion)
    multiply(a, b.panels, into: target, columns: 0..<b.columns, on: pool)
    withExtendedLifetime(b) {}
  }

  /// A function that processes a completed part of a product, given its rows and columns.
  package typealias Completion = (Range<Int>, Range<Int>) -> Void

  /// The term scale · A · B with few inner terms, which costs little while C is in cache anyway.
  /// The caller must keep A's memory alive until the product returns.
  package struct Addition {
    private let a: Factor
    private let b: PackedFactor
    private let scale: Float

    /// Creates a term A [rows, R] · B [R, columns] in the shape of C.
    package init(_ a: Factor, _ b: PackedFactor, scale: Float) {
      precondition(!a.isTransposed && b.inner > 0, "Addition: A by rows, and a sum of something")
      (self.a, self.b, self.scale) = (a, b, scale)
    }

    /// Adds a part of the term to C, on the calling thread.
    fileprivate func add(
      to target: Target, rows: Range<Int>, columns: Range<Int>, by functions: peft_kernels
    ) {
      let panels = b.panels
      var product = peft_product(
        bfloat: b.precision == .bf16, rows: rows.count, columns: columns.count, inner: b.inner,
        a: a.start + rows.lowerBound * a.stride, a_stride: a.stride, a_transposed: false,
        panels: panels.start + columns.lowerBound / functions.panel * panels.stride,
        panel_stride: panels.stride, panel_step: panels.step, scale: scale, accumulate: true,
        bias: nil, c: target.start + rows.lowerBound * target.stride + columns.lowerBound,
        c_stride: target.stride)
      functions.product(&product)
      withExtendedLifetime(b) {}
    }

    fileprivate func check(columns: Int, _ instructionSet: InstructionSet) {
      precondition(
        b.columns == columns && b.instructionSet == instructionSet,
        "Addition: \(b.columns) columns for \(columns), or packed by other kernels")
    }
  }

  /// C, and the operations to apply to it.
  fileprivate struct Target {
    let rows: Int
    let columns: Int
    let inner: Int
    let scale: Float
    let bias: UnsafePointer<Float>?
    let accumulating: Bool
    let start: UnsafeMutablePointer<Float>
    let stride: Int
    let precision: Precision
    let addition: Addition?
    let completion: Completion?
  }

  /// Computes the columns of C that belong to the panels.
  private func multiply(
    _ a: Factor, _ b: Panels, into target: Target, columns strip: Range<Int>, on pool: WorkerPool
  ) {
    precondition(target.inner > 0, "product: an empty sum")
    target.addition?.check(columns: target.columns, instructionSet)
    let panel = functions.panel
    TileGrid(
      rows: target.rows, columns: strip.count, inner: target.inner, panel: panel,
      packingRows: a.isTransposed, workers: pool.workerCount
    ).run(on: pool) { part, columns in
      let column = strip.lowerBound + columns.lowerBound
      var product = peft_product(
        bfloat: target.precision == .bf16, rows: part.count, columns: columns.count,
        inner: target.inner,
        a: a.start + part.lowerBound * (a.isTransposed ? 1 : a.stride), a_stride: a.stride,
        a_transposed: a.isTransposed, panels: b.start + columns.lowerBound / panel * b.stride,
        panel_stride: b.stride, panel_step: b.step, scale: target.scale,
        accumulate: target.accumulating, bias: target.bias.map { $0 + column },
        c: target.start + part.lowerBound * target.stride + column, c_stride: target.stride)
      functions.product(&product)
      let done = column..<column + columns.count
      target.addition?.add(to: target, rows: part, columns: done, by: functions)
      target.completion?(part, done)
    }
  }

  /// Up to this many rows, reading B takes longer than multiplying, so packing it would double the
  /// time.
  private static let rowsOfStreamed = 16
  /// The number of elements of B that are packed at once.
  private static let packedElements = 1 << 22
}

/// B, split into strips of as many columns as a tile has.
private struct Panels {
  /// A pointer to the first element of the first panel.
  let start: UnsafePointer<Float>
  /// The distance between two panels.
  let stride: Int
  /// The distance between two rows of a panel.
  let step: Int
}

/// The columns of a factor B, packed for products.
package struct PackedFactor: Sendable {
  /// The number of columns.
  package let columns: Int
  /// The number of rows, which is the number of terms in each sum.
  package let inner: Int
  /// The format of the elements.
  package let precision: Precision
  fileprivate let instructionSet: VectorKernels.InstructionSet
  private let panel: Int
  private let panelElements: Int
  private let storage: TensorStorage

  /// Packs the given columns of `b`, using the workers if that is faster.
  package init(
    _ b: VectorKernels.Factor, columns: Range<Int>, inner: Int, precision: Precision,
    by kernels: VectorKernels, on pool: WorkerPool
  ) {
    self.init(
      columns: columns.count, inner: inner, precision: precision, by: kernels, on: pool
    ) { strip, panel in
      kernels.functions.pack_panel(
        strip.count, inner,
        b.start + (columns.lowerBound + strip.lowerBound) * (b.isTransposed ? b.stride : 1),
        b.stride, b.isTransposed, precision == .bf16, panel)
    }
  }

  /// Packs the given columns of `b`.
  package init(
    _ b: VectorKernels.BFloatFactor, columns: Range<Int>, inner: Int, precision: Precision,
    by kernels: VectorKernels, on pool: WorkerPool
  ) {
    self.init(
      columns: columns.count, inner: inner, precision: precision, by: kernels, on: pool
    ) { strip, panel in
      let first =
        b.start + (columns.lowerBound + strip.lowerBound) * (b.isTransposed ? b.stride : 1)
      guard precision == .bf16 else {
        kernels.functions.pack_panel_of_bfloats(
          strip.count, inner, first, b.stride, b.isTransposed, panel)
        return
      }
      let (rows, width) = b.isTransposed ? (strip.count, inner) : (inner, strip.count)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * width) { numbers in
        guard let start = numbers.baseAddress else { return }
        for row in 0..<rows {
          kernels.floats(
            count: width, fromBFloat16: first + row * b.stride, into: start + row * width)
        }
        kernels.functions.pack_panel(
          strip.count, inner, start, width, b.isTransposed, true, panel)
      }
    }
  }

  /// Packs the transpose of `b`, which is in bf16, with the same values.
  package init(transposing b: PackedFactor, by kernels: VectorKernels, on pool: WorkerPool) {
    precondition(
      b.precision == .bf16 && b.instructionSet == kernels.instructionSet,
      "PackedFactor: \(b.precision), or packed by other kernels")
    self.init(
      columns: b.inner, inner: b.columns, precision: .bf16, by: kernels, on: pool
    ) { strip, panel in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: strip.count * b.columns) { rows in
        guard let start = rows.baseAddress else { return }
        b.unpackRows(strip, into: start)
        kernels.functions.pack_panel(
          strip.count, b.columns, start, b.columns, true, true, panel)
      }
    }
  }

  /// Calls `pack` for each panel, with its columns and its memory.
  private init(
    columns: Int, inner: Int, precision: Precision, by kernels: VectorKernels, on pool: WorkerPool,
    pack: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let panel = kernels.functions.panel
    self.columns = columns
    self.inner = inner
    self.precision = precision
    self.panel = panel
    instructionSet = kernels.instructionSet
    let panelElements =
      panel * Self.steps(inner, precision, unit: kernels.functions.pair_rows)
    self.panelElements = panelElements
    let count = (columns + panel - 1) / panel
    storage = TensorStorage(count: count * panelElements)
    let start = storage.elements
    func packPanel(_ index: Int) {
      let first = index * panel
      pack(first..<min(columns, first + panel), start + index * panelElements)
    }
    if columns * inner > Self.serialElements {
      pool.run(count, packPanel)
    } else {
      for index in 0..<count { packPanel(index) }
    }
  }

  /// Writes these rows of a factor in bf16 one after another, as numbers.
  private func unpackRows(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    for row in rows {
      let line = UnsafeMutableRawPointer(target + (row - rows.lowerBound) * columns)
        .assumingMemoryBound(to: UInt32.self)
      // The row has the lower or the upper halves of the words.
      let shift: UInt32 = row % 2 == 0 ? 16 : 0
      for first in stride(from: 0, to: columns, by: panel) {
        let words = UnsafeRawPointer(
          storage.elements + first / panel * panelElements + row / 2 * panel
        ).assumingMemoryBound(to: UInt32.self)
        for column in 0..<min(panel, columns - first) {
          line[first + column] = words[column] << shift & 0xffff_0000
        }
      }
    }
  }

  /// The memory it takes in bytes.
  var byteCount: Int { storage.capacity * MemoryLayout<Float>.stride }

  fileprivate var panels: Panels {
    Panels(start: storage.elements, stride: panelElements, step: panel)
  }

  /// The number of rows of a panel. In bf16 a row holds words of two elements, and the number is a
  /// multiple of `unit`.
  private static func steps(_ inner: Int, _ precision: Precision, unit: Int) -> Int {
    precision == .bf16 ? ((inner + 1) / 2 + unit - 1) / unit * unit : inner
  }

  /// Up to this many elements, a factor is packed on the calling thread.
  private static let serialElements = 1 << 14
}

/// The division of a product's output into tasks.
///
/// There are enough tasks that other workers can take over from a delayed one. Each is large enough
/// that its part of A stays in the second-level cache while it is multiplied with all of the task's
/// panels.
private struct TileGrid {
  let rows: Int
  let columns: Int
  let panel: Int
  private var down = 1
  private var across = 1

  /// Up to this many multiply-adds, a product runs on the calling thread, because waking a worker
  /// would cost more.
  static let serialLimit = 1 << 17
  private static let rowUnit = 8
  private static let taskRows = 192
  private static let leastRows = 32
  private static let tasksOfWorker = 3

  /// - Parameter packingRows: whether every task packs its rows of A.
  init(
    rows: Int, columns: Int, inner: Int, panel: Int, packingRows: Bool, workers: Int
  ) {
    self.rows = rows
    self.columns = columns
    self.panel = panel
    let most = rows * columns * inner / Self.serialLimit
    guard workers > 1, most > 1 else { return }
    down = max(1, min(most, rows / Self.taskRows))
    let wanted = min(most, Self.tasksOfWorker * workers)
    while down * across < wanted {
      let (height, width) = (rows / down, columns / across)
      if height >= 2 * Self.leastRows, packingRows || 2 * height >= width {
        down += 1
      } else if width >= 2 * panel {
        across += 1
      } else if height >= 2 * Self.rowUnit {
        down += 1
      } else {
        break
      }
    }
    // Gives every worker the same number of tasks.
    while down * across % workers != 0, rows / (down + 1) >= Self.leastRows { down += 1 }
  }

  /// Calls `body` once for every task with its rows and columns. All columns but the last form
  /// whole panels.
  func run(on pool: WorkerPool, _ body: (Range<Int>, Range<Int>) -> Void) {
    pool.run(down * across) { index in
      let part = Self.part(index / across, of: down, count: rows, unit: Self.rowUnit)
      let strip = Self.part(index % across, of: across, count: columns, unit: panel)
      if !part.isEmpty, !strip.isEmpty { body(part, strip) }
    }
  }

  /// Part `index` of `parts` nearly equal ones, each made of whole units.
  private static func part(_ index: Int, of parts: Int, count: Int, unit: Int) -> Range<Int> {
    let units = (count + unit - 1) / unit
    return min(count, index * units / parts * unit)..<min(count, (index + 1) * units / parts * unit)
  }
}
