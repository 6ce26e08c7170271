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
  /// Whether a gradient is wanted. A parameter that needs none costs no recording, no gradient and
  /// no optimizer state.
  public var isTrainable: Bool
  /// The rows of a matrix [V, n] that train, ascending; nil when all do. The others keep their
  /// bits, and cost no gradient and no optimizer state.
  ///
  /// Set it before an optimizer is made: that keeps state for the rows it finds. A parameter
  /// without any row to train is frozen by `isTrainable`; an empty list is a programmer's error.
  public var trainableRows: [Int]? {
    didSet {
      guard let rows = trainableRows else { return }
      precondition(
        shape.rank == 2 && !rows.isEmpty && rows[0] >= 0 && rows[rows.count - 1] < shape[0]
          && zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 },
        "trainableRows: \(rows.count) rows \(rows.prefix(4))… of \(name) \(shape); they must be "
          + "ascending, distinct rows of a matrix, at least one")
    }
  }

  /// A parameter with a value.
  public init(
    name: String, value: Tensor, isTrainable: Bool = true, isTransposedInFiles: Bool = false
  ) {
    precondition(
      !isTransposedInFiles || value.shape.rank == 2, "Parameter: \(value.shape) is no matrix")
    self.name = name
    stored = value
    self.isTransposedInFiles = isTransposedInFiles
    self.isTrainable = isTrainable
  }

  /// The extents of the value.
  public var shape: Shape { packedShape ?? stored.shape }
  /// The number of elements.
  public var count: Int { shape.count }
  /// The extents of its gradient and of an optimizer's state for it: [|rows|, n] where only some
  /// rows train, else those of the value.
  public var gradientShape: Shape {
    trainableRows.map { [$0.count, shape.columns] } ?? shape
  }
  /// The number of elements that train, 0 when it is frozen.
  public var trainableCount: Int { isTrainable ? gradientShape.count : 0 }
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

  /// The rows that train, in the shape `gradientShape`: a copy where only some do, else the value.
  package var trainableValue: Tensor {
    get { trainableRows.map { value.rows(at: $0) } ?? value }
    set { updateTrainableValue { $0 = newValue } }
  }

  /// Changes the rows that train, in place where all do. When `body` throws, some rows stay as they
  /// were.
  package func updateTrainableValue<Failure: Error>(
    _ body: (inout Tensor) throws(Failure) -> Void
  ) throws(Failure) {
    guard let rows = trainableRows else { return try body(&value) }
    var part = value.rows(at: rows)
    try body(&part)
    value.replaceRows(at: rows, with: part)
  }
}

extension Parameter: Hashable {
  /// Identity, not value.
  public static func == (left: Parameter, right: Parameter) -> Bool { left === right }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
