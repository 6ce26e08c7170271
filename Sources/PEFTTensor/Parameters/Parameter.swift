/// A named tensor that a model owns and an optimizer may update.
///
/// It is the only type with an identity: two layers with tied weights share the same object.
public final class Parameter {
  /// The name in the published checkpoint, including dots.
  public let name: String
  /// The current value. If it is in memory in another form, reading this converts it or reads it
  /// again, and traps on failure; call `readAgain()` first to handle the error.
  public var value: Tensor {
    get {
      unpack()
      if let otherShape {
        precondition(bfloats != nil || isUnmade, "Parameter: \(name) has lost its value")
        stored = bfloats?.expanded ?? Tensor(zeros: otherShape)
        (self.otherShape, bfloats, isUnmade) = (nil, nil, false)
      }
      return stored
    }
    // With a didSet observer, an in-place change would copy first.
    _modify {
      if otherShape != nil { _ = value }
      packedFactor = nil
      squaresOfRows = nil
      origin = nil
      yield &stored
    }
  }
  /// The value; empty while it is in memory in another form, or consists of zeros that nothing has
  /// asked for.
  private var stored: Tensor
  /// The shape of the value while `stored` is empty.
  private var otherShape: Shape?
  /// The value as bfloat16 numbers; nil if it is in another form.
  ///
  /// A matrix is in this form from the time it is read from a file of such numbers until something
  /// asks for `value`, or bf16 products pack it. Products in fp32 take it as it is, with the same
  /// bits.
  private var bfloats: BFloatMatrix?
  /// Whether the value consists of zeros that nothing has asked for.
  private var isUnmade = false
  /// The packed copy of a frozen matrix for bf16 products.
  private var packedFactor: PackedFactor?
  /// Σ_j w_ij² of every row, cached from the first request until the value changes.
  private var squaresOfRows: [Double]?
  /// Reads the value again from its source, bit for bit; nil if that is not possible. Changing the
  /// value sets it to nil.
  ///
  /// While a matrix with an origin is frozen and no other tensor shares its value, only one form of
  /// it is in memory. That is the packed form for bf16 products or, from the time something else
  /// asks for the value until the next such product, the form that the origin returns.
  package var origin: Origin?
  /// Whether files hold the transpose of the matrix, [in, out], as GPT-2's do for its linear maps.
  public let isTransposedInFiles: Bool
  /// Whether the computation only looks up rows, as in an embedding table that is not also the
  /// output layer. The gradient of a step is then zero outside the rows that its batch reads.
  ///
  /// It decides how much memory gradients and optimizer state take, not their values; only the
  /// global norm of gradients may differ in its last bits.
  public package(set) var isTable: Bool
  /// The elements that an optimizer updates and a run saves. All other elements keep their bits and
  /// have no optimizer state.
  public var trains: TrainableElements {
    didSet { trains.check(name, shape) }
  }
  /// The elements that were trainable earlier and no longer are: ascending, distinct positions.
  /// They keep their values, without state or decay, and files record them beside the trainable
  /// ones.
  public internal(set) var retired: [Int] = []
  /// Whether the whole gradient is wanted even if only some elements are trainable. A method that
  /// chooses the next trainable elements among all of them needs this.
  public var wantsWholeGradient = false
  /// Whether a method may make some of its elements trainable later in a run, even if none is now.
  public var mayTrainLater = false

  /// Creates a parameter with a value.
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

  /// Creates a matrix of zeros, which takes no memory until something asks for its value.
  public convenience init(
    name: String, zeros shape: Shape, isTrainable: Bool = true, isTransposedInFiles: Bool = false
  ) {
    precondition(shape.rank == 2, "Parameter: \(shape) is no matrix")
    self.init(
      name: name, value: Tensor(zeros: [0, 0]), isTrainable: isTrainable,
      isTransposedInFiles: isTransposedInFiles)
    (otherShape, isUnmade) = (shape, true)
  }

  /// The shape of the value.
  public var shape: Shape { otherShape ?? stored.shape }
  /// The number of elements.
  public var count: Int { shape.count }
  /// Whether any element is trainable.
  public var isTrainable: Bool { trains != .none }
  /// Whether files record which elements are trainable, because a method chooses them.
  package var recordsElements: Bool {
    wantsWholeGradient || mayTrainLater || trains.chosenElements != nil || !retired.isEmpty
  }
  /// Whether a backward pass delivers a gradient. A parameter that wants none causes no recording.
  public var wantsGradient: Bool { isTrainable || wantsWholeGradient }
  /// The shape of the gradient that is formed: [|rows|, n] or [|elements|] if only some rows or
  /// elements are trainable and the whole gradient is not wanted, otherwise that of the value.
  public var gradientShape: Shape { wantsWholeGradient ? shape : trainableShape }
  /// The rows whose gradient is formed; nil means all.
  var gradientRows: [Int]? {
    guard !wantsWholeGradient, case .rows(let rows) = trains else { return nil }
    return rows
  }
  /// The elements whose gradient is formed; nil unless single elements are trainable and the whole
  /// gradient is not wanted.
  var gradientElements: [Int]? { wantsWholeGradient ? nil : trains.chosenElements }
  /// The shape of the trainable elements and of an optimizer's state for them: [|rows|, n]
  /// or [|elements|] if only some are trainable, otherwise that of the value.
  public var trainableShape: Shape { trains.shape(in: shape) }
  /// The number of trainable elements; 0 if the parameter is frozen.
  public var trainableCount: Int { isTrainable ? trainableShape.count : 0 }
}

extension Collection where Element == Parameter {
  /// Runs `body` with all these parameters frozen and no gradient wanted, and restores them
  /// afterwards.
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
  /// Where the value of a matrix is read again.
  package enum Origin {
    /// Numbers in Float, or in a format that is converted to it.
    case floats(() throws(FileError) -> Tensor)
    /// Numbers in bfloat16.
    case bfloats(() throws(FileError) -> BFloatMatrix)
  }

  /// The form in which a matrix [out, in] is packed for products.
  enum Packing {
    /// Transposed, as a factor of y = x Wᵀ.
    case forOutputs
    /// Not transposed, as a factor of dx = δ W.
    case forInputs
  }

  /// The matrix packed in bfloat16 for products. The packed copy of a frozen matrix is cached from
  /// the first request until the value changes; that of a trainable matrix, which changes after
  /// every step, is not cached.
  ///
  /// The cached copy is the one for outputs. That for inputs is made from it for each product: half
  /// of the memory, for the time of one transposition.
  func packed(_ packing: Packing) -> PackedFactor {
    if isTrainable { return pack(packing) }
    let factor = packedFactor ?? pack(.forOutputs)
    packedFactor = factor
    // Something else may have shared the value until now.
    let isUnshared = bfloats?.isUnshared() ?? (otherShape == nil && stored.isUnshared())
    if origin != nil, isUnshared {
      otherShape = shape
      (stored, bfloats) = (Tensor(zeros: [0]), nil)
    }
    return switch packing {
    case .forOutputs: factor
    case .forInputs: PackedFactor(transposing: factor, by: .active, on: .shared)
    }
  }

  private func pack(_ packing: Packing) -> PackedFactor {
    let (outputs, inputs) = (shape.rows, shape.columns)
    let isTransposed = packing == .forOutputs
    let (columns, inner) = isTransposed ? (outputs, inputs) : (inputs, outputs)
    if let bfloats {
      return bfloats.withElements { start in
        PackedFactor(
          .init(start, stride: inputs, isTransposed: isTransposed), columns: 0..<columns,
          inner: inner, precision: .bf16, by: .active, on: .shared)
      }
    }
    return withElements(of: value) { start in
      PackedFactor(
        .init(start, stride: inputs, isTransposed: isTransposed), columns: 0..<columns,
        inner: inner, precision: .bf16, by: .active, on: .shared)
    }
  }

  /// Σ_j w_ij² of every row i of a matrix, in Double; cached until the value changes.
  var sumsOfRowSquares: [Double] {
    if let squaresOfRows { return squaresOfRows }
    let sums = plainValue.sumsOfSquares(by: .rows)
    squaresOfRows = sums
    return sums
  }

  /// If only the packed copy holds the value, reads it again into memory and drops that copy.
  package func readAgain() throws(FileError) {
    guard otherShape != nil, bfloats == nil, let origin else { return }
    switch origin {
    case .floats(let read): (stored, otherShape) = (try read(), nil)
    case .bfloats(let read): bfloats = try read()
    }
    packedFactor = nil
  }

  /// The value as bfloat16 numbers, if that is its form where it is not packed. It is read again if
  /// only the packed copy is in memory; a failure traps, as with `value`.
  var bfloatValue: BFloatMatrix? {
    unpack()
    return bfloats
  }

  /// The value in Float, without a change of the form in which it stays in memory.
  package var plainValue: Tensor { bfloatValue?.expanded ?? value }

  /// Calls `readAgain()`, and traps on failure.
  package func unpack() {
    do throws(FileError) { try readAgain() } catch { fatalError(error.description) }
  }

  /// Takes a matrix as bfloat16 numbers, which the origin, if there is one, reads again.
  package func hold(_ matrix: BFloatMatrix, from origin: Origin?) {
    precondition(matrix.shape == shape, "Parameter: \(matrix.shape) for \(shape)")
    (stored, otherShape) = (Tensor(zeros: [0]), matrix.shape)
    (bfloats, self.origin, packedFactor, squaresOfRows) = (matrix, origin, nil, nil)
    isUnmade = false
  }

  /// Replaces the value by an equal one that is elsewhere in memory.
  func move(to equal: Tensor) {
    precondition(valueBytes > 0 && equal.shape == shape, "Parameter: another value")
    (stored, otherShape, bfloats) = (equal, nil, nil)
  }

  /// Drops the packed copy if no other form is in memory. Call `readAgain()` next; it may fail.
  package func letPackedGo() {
    if otherShape != nil, bfloats == nil { packedFactor = nil }
  }

  /// The size in bytes of the packed copy held now.
  package var packedBytes: Int { packedFactor?.byteCount ?? 0 }

  /// The size in bytes of the value, in Float or as bfloat16 numbers; 0 while it is only packed.
  package var valueBytes: Int {
    bfloats?.byteCount ?? stored.count * MemoryLayout<Float>.stride
  }

  /// The size in bytes that the value has where it is not packed.
  package var unpackedBytes: Int {
    if valueBytes > 0 { return valueBytes }
    if case .bfloats = origin { return 2 * count }
    return count * MemoryLayout<Float>.stride
  }

  /// The trainable elements, in `trainableShape`: a copy if only some are trainable, otherwise the
  /// value itself.
  package var trainableValue: Tensor {
    get { value(of: trains) }
    set { updateTrainableValue { $0 = newValue } }
  }

  /// These elements, in the shape that `TrainableElements.shape(in:)` says.
  package func value(of elements: TrainableElements) -> Tensor {
    switch elements {
    case .none, .all: value
    case .rows(let rows): value.rows(at: rows)
    case .elements(let elements): value.elements(at: elements)
    }
  }

  /// Changes the trainable elements, in place if all of them are trainable. If only some are and
  /// `body` throws, they keep their old values.
  package func updateTrainableValue<Failure: Error>(
    _ body: (inout Tensor) throws(Failure) -> Void
  ) throws(Failure) { try updateValue(of: trains, body) }

  /// Changes these elements, as `updateTrainableValue` does.
  package func updateValue<Failure: Error>(
    of elements: TrainableElements, _ body: (inout Tensor) throws(Failure) -> Void
  ) throws(Failure) {
    switch elements {
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
  /// Compares identities, not values.
  public static func == (left: Parameter, right: Parameter) -> Bool { left === right }

  /// Hashes the identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
