import CPEFTKernels

extension VectorKernels {
  /// A factor of a product: a row-major matrix in memory, as stored or transposed.
  package struct Factor {
    /// The first element.
    let start: UnsafePointer<Float>
    /// The distance between two rows as stored, in elements.
    let stride: Int
    /// Whether the matrix as stored is the factor's transpose.
    let isTransposed: Bool

    /// A factor.
    package init(_ start: UnsafePointer<Float>, stride: Int, isTransposed: Bool = false) {
      self.start = start
      self.stride = stride
      self.isTransposed = isTransposed
    }
  }

  /// Whether `product` is faster than BLAS: where a tile has 24 vectors of 16 sums.
  package var multipliesFast: Bool { instructionSet == .avx512 }

  /// C [rows, columns] ← scale · A [rows, inner] · B [inner, columns] (+ bias [columns]) (+ C), with rows of
  /// C at a distance of `stride`.
  ///
  /// An element's result depends on its row of A and its column of B alone, not on what else is computed
  /// with it. With nothing to accumulate C is only written, so it may be uninitialised.
  ///
  /// The workers first pack B into panels, each once for all, and then take tiles of C as they come. For
  /// few rows B is not packed where it lies by rows.
  ///
  /// - Accuracy: sums of 192 terms in Float, one after the other, and these sums likewise.
  package func product(
    _ a: Factor, _ b: Factor, rows: Int, columns: Int, inner: Int, scale: Float = 1,
    bias: UnsafePointer<Float>? = nil, accumulating: Bool = false,
    into c: UnsafeMutablePointer<Float>, stride: Int, on pool: WorkerPool
  ) {
    precondition(inner > 0, "product: an empty sum")
    let panel = functions.panel
    func multiply(_ strip: Range<Int>, panels: Panels) {
      TileGrid(
        rows: rows, columns: strip.count, inner: inner, panel: panel, packingRows: a.isTransposed,
        workers: pool.workerCount
      ).run(on: pool) { part, columns in
        let column = strip.lowerBound + columns.lowerBound
        var product = peft_product(
          rows: part.count, columns: columns.count, inner: inner,
          a: a.start + part.lowerBound * (a.isTransposed ? 1 : a.stride), a_stride: a.stride,
          a_transposed: a.isTransposed,
          panels: panels.start + columns.lowerBound / panel * panels.stride,
          panel_stride: panels.stride, panel_step: panels.step, scale: scale,
          accumulate: accumulating, bias: bias.map { $0 + column },
          c: c + part.lowerBound * stride + column, c_stride: stride)
        functions.product(&product)
      }
    }
    var column = 0
    if rows <= Self.rowsOfStreamed, !b.isTransposed, columns >= panel {
      column = columns / panel * panel
      multiply(0..<column, panels: Panels(start: b.start, stride: panel, step: b.stride))
    }
    let chunk = max(1, Self.packedElements / (inner * panel)) * panel
    while column < columns {
      let strip = column..<min(columns, column + chunk)
      let count = (strip.count + panel - 1) / panel
      let packed = TensorStorage(count: count * panel * inner)
      let start = packed.elements
      func pack(_ index: Int) {
        let first = strip.lowerBound + index * panel
        functions.pack_panel(
          min(panel, strip.upperBound - first), inner,
          b.start + first * (b.isTransposed ? b.stride : 1), b.stride, b.isTransposed,
          start + index * panel * inner)
      }
      if rows * columns * inner > TileGrid.serialLimit {
        pool.run(count, pack)
      } else {
        for index in 0..<count { pack(index) }
      }
      multiply(strip, panels: Panels(start: start, stride: panel * inner, step: panel))
      withExtendedLifetime(packed) {}
      column = strip.upperBound
    }
  }

  /// B, cut into strips of as many columns as a tile has.
  private struct Panels {
    /// The first element of the first panel.
    let start: UnsafePointer<Float>
    /// The distance between two panels.
    let stride: Int
    /// The distance between two rows of a panel.
    let step: Int
  }

  /// Up to this many rows reading B costs more than multiplying, so that packing it would double the time.
  private static let rowsOfStreamed = 16
  /// How much of B is packed at once, in elements: what the last cache holds.
  private static let packedElements = 1 << 22
}

/// How a product's output is cut into tasks: enough that workers that are held up leave theirs to others,
/// large enough that a task's part of A stays in the second cache while it meets all its panels.
private struct TileGrid {
  let rows: Int
  let columns: Int
  let panel: Int
  private var down = 1
  private var across = 1

  /// Up to this many multiply-adds a product runs on the calling thread: waking a worker costs more.
  static let serialLimit = 1 << 17
  private static let rowUnit = 8
  private static let taskRows = 192
  private static let leastRows = 32
  private static let tasksOfWorker = 3

  /// - Parameter packingRows: every task packs its rows of A.
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
    // As many for every worker.
    while down * across % workers != 0, rows / (down + 1) >= Self.leastRows { down += 1 }
  }

  /// Calls `body` once for every task, with its rows and columns; all but the last columns are whole panels.
  func run(on pool: WorkerPool, _ body: (Range<Int>, Range<Int>) -> Void) {
    pool.run(down * across) { index in
      let part = Self.part(index / across, of: down, count: rows, unit: Self.rowUnit)
      let strip = Self.part(index % across, of: across, count: columns, unit: panel)
      if !part.isEmpty, !strip.isEmpty { body(part, strip) }
    }
  }

  /// Part `index` of `parts` nearly equal ones, of whole units.
  private static func part(_ index: Int, of parts: Int, count: Int, unit: Int) -> Range<Int> {
    let units = (count + unit - 1) / unit
    return min(count, index * units / parts * unit)..<min(count, (index + 1) * units / parts * unit)
  }
}
