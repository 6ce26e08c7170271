/// A named tensor that a model owns and an optimizer may change. The only thing with identity: two
/// layers that share a parameter (tied weights) share the object.
public final class Parameter {
  /// The name in the published checkpoint, dots included.
  public let name: String
  /// The current value. If only packed copies are in memory, reading this reloads the matrix and
  /// traps on failure; call `readAgain()` first to handle the error.
  public var value: Tensor {
    get {
      do throws(FileError) { try readAgain() } catch { fatalError(error.description) }
      return stored
    }
    // Observed with didSet, a change in place would copy first.
    _modify {
      if packedShape != nil { _ = value }
      packings = [:]
      wantedPackings = []
      squaresOfRows = nil
      origin = nil
      yield &stored
    }
  }
  /// The value, or nothing while packed copies hold it.
  private var stored: Tensor
  /// The extents of the value while only packed copies hold it.
  private var packedShape: Shape?
  private var packings: [Packing: PackedFactor] = [:]
  /// What products have asked for since the value changed.
  private var wantedPackings: Set<Packing> = []
  /// Σ_j w_ij² of every row, from when it is first asked for until the value changes.
  private var squaresOfRows: [Double]?
  /// Reads the value from where it came, the same bits; nil where that cannot be done. A change
  /// of the value ends it.
  ///
  /// While a matrix with an origin does not train, and no other tensor shares its value, it is in
  /// memory once: packed as products in bf16 take it, or, from when something else asks for it to
  /// the next such product, as it is.
  package var origin: (() throws(FileError) -> Tensor)?
  /// Whether files hold the matrix the other way round, as [in, out], as GPT-2's
  /// do of its linear maps.
  public let isTransposedInFiles: Bool
  /// Whether the computation only looks up rows of it, as of a table of embeddings that is not the
  /// output layer too. The gradient of a step is then zero outside the rows that its batch reads.
  ///
  /// It decides how much memory gradients and optimizer state take, not their values; only the
  /// global norm of gradients may differ in its last bits.
  public package(set) var isTable: Bool
  /// What of it an optimizer changes and a run keeps. The rest keeps its bits, and has no optimizer
  /// state.
  public var trains: TrainableElements {
    didSet { trains.check(name, shape) }
  }
  /// Whether its whole gradient is wanted even where not all of it trains, as by a method that
  /// chooses among all elements what trains next.
  public var wantsWholeGradient = false

  /// A parameter with a value.
  ///
  /// - Parameter isTable: whether the computation only looks up rows of it.
  public init(
    name: String, value: Tensor, isTrainable: Bool = true, isTransposedInFiles: Bool = false,
    isTable: Bool = false
  ) {
    precondition(
      !(isTransposedInFiles || isTable) || value.shape.rank == 2,
      "Parameter: \(value.shape) is no matrix")
    self.name = name
    self.isTable = isTable
    stored = value
    self.isTransposedInFiles = isTransposedInFiles
    trains = isTrainable ? .all : .none
  }

  /// The extents of the value.
  public var shape: Shape { packedShape ?? stored.shape }
  /// The number of elements.
  public var count: Int { shape.count }
  /// Whether any of it trains.
  public var isTrainable: Bool { trains != .none }
  /// Whether a reverse pass delivers a gradient. A parameter that wants none costs no recording.
  public var wantsGradient: Bool { isTrainable || wantsWholeGradient }
  /// The extents of the gradient that is formed: [|rows|, n] where only some rows train and the
  /// whole is not wanted, else those of the value.
  public var gradientShape: Shape { gradientRows.map { [$0.count, shape.columns] } ?? shape }
  /// The rows of which a gradient is formed; nil for all.
  var gradientRows: [Int]? {
    guard !wantsWholeGradient, case .rows(let rows) = trains else { return nil }
    return rows
  }
  /// The extents of what trains, and of an optimizer's state for it: [|rows|, n] or [|elements|]
  /// where only some do, else those of the value.
  public var trainableShape: Shape {
    switch trains {
    case .none, .all: shape
    case .rows(let rows): [rows.count, shape.columns]
    case .elements(let elements): [elements.count]
    }
  }
  /// The number of elements that train, 0 when it is frozen.
  public var trainableCount: Int { isTrainable ? trainableShape.count : 0 }
}

extension Collection where Element == Parameter {
  /// What `body` returns where none of the parameters trains or wants a gradient meanwhile.
  public func frozen<Result, Failure: Error>(
    while body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let marks = map { ($0, $0.trains, $0.wantsWholeGradient) }
    for parameter in self {
      parameter.trains = .none
      parameter.wantsWholeGradient = false
    }
    defer {
      for (parameter, trains, wantsWhole) in marks {
        parameter.trains = trains
        parameter.wantsWholeGradient = wantsWhole
      }
    }
    return try body()
  }
}

extension Parameter {
  /// How a matrix [out, in] is packed for products.
  enum Packing {
    /// As its transpose, a factor of y = x Wᵀ.
    case forOutputs
    /// As it is, a factor of dx = δ W.
    case forInputs
  }

  /// The matrix in bfloat16 as products take it: kept from when it is first asked for until the
  /// value changes; that of a matrix that trains, which changes after every step, is not kept.
  func packed(_ packing: Packing) -> PackedFactor {
    if isTrainable { return packings[packing] ?? pack(packing) }
    wantedPackings.insert(packing)
    let factor = packings[packing] ?? pack(packing)
    packings[packing] = factor
    guard origin != nil, packedShape == nil else { return factor }
    // The others that products will ask for; reading the value once more for
    // each would take longer.
    for other in wantedPackings where packings[other] == nil { packings[other] = pack(other) }
    // Another tensor may have shared it until now.
    if stored.isUnshared() {
      packedShape = stored.shape
      stored = Tensor(zeros: [0])
    }
    return factor
  }

  private func pack(_ packing: Packing) -> PackedFactor {
    let (outputs, inputs) = (shape.rows, shape.columns)
    return withElements(of: value) { start in
      switch packing {
      case .forOutputs:
        PackedFactor(
          .init(start, stride: inputs, isTransposed: true), columns: 0..<outputs, inner: inputs,
          precision: .bf16, by: .active, on: .shared)
      case .forInputs:
        PackedFactor(
          .init(start, stride: inputs), columns: 0..<inputs, inner: outputs, precision: .bf16,
          by: .active, on: .shared)
      }
    }
  }

  /// Σ_j w_ij² of every row i of a matrix, in Double; kept until the value changes.
  var sumsOfRowSquares: [Double] {
    if let squaresOfRows { return squaresOfRows }
    let sums = value.sumsOfSquares(by: .rows)
    squaresOfRows = sums
    return sums
  }

  /// Has the value in memory as it is, and no longer packed, where only packed copies hold it.
  package func readAgain() throws(FileError) {
    guard packedShape != nil, let origin else { return }
    stored = try origin()
    packedShape = nil
    packings = [:]
  }

  /// Lets packed copies go where only they hold the value: `readAgain()` is due then, and may fail.
  package func letPackedGo() {
    if packedShape != nil { packings = [:] }
  }

  /// Bytes of the packed copies that are kept now.
  package var packedBytes: Int { packings.values.reduce(0) { $0 + $1.byteCount } }

  /// Bytes of the value as it is; 0 while only packed copies hold it.
  package var valueBytes: Int { stored.count * MemoryLayout<Float>.stride }

  /// What trains, in the shape `trainableShape`: a copy where not all of it does, else the value.
  package var trainableValue: Tensor {
    get {
      switch trains {
      case .none, .all: value
      case .rows(let rows): value.rows(at: rows)
      case .elements(let elements): value.elements(at: elements)
      }
    }
    set { updateTrainableValue { $0 = newValue } }
  }

  /// Changes what trains, in place where all of it does. When `body` throws, parts of a parameter
  /// stay as they were.
  package func updateTrainableValue<Failure: Error>(
    _ body: (inout Tensor) throws(Failure) -> Void
  ) throws(Failure) {
    switch trains {
    case .none, .all: try body(&value)
    case .rows(let rows):
      var part = value.rows(at: rows)
      try body(&part)
      value.replaceRows(at: rows, with: part)
    case .elements(let elements):
      var part = value.elements(at: elements)
      try body(&part)
      value.replaceElements(at: elements, with: part)
    }
  }
}

extension Parameter: Hashable {
  /// Identity, not value.
  public static func == (left: Parameter, right: Parameter) -> Bool { left === right }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
