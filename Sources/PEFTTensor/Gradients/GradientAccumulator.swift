/// The gradient sink for training: multiplies the factors and keeps their sum, one tensor for each
/// parameter, in its `gradientShape`.
///
/// If only some rows or elements are trainable, only their gradients are formed. For a table
/// (`Parameter.isTable`), only the rows that were read are kept. `reset` frees the sums, so that
/// the tensors saved in the next step's forward pass can reuse their memory.
public final class GradientAccumulator: GradientSink {
  private var gradients: [Parameter: Tensor] = [:]
  private var tableGradients: [Parameter: TableGradient] = [:]

  private let precision: Precision

  /// Creates an empty sink.
  ///
  /// - Parameter precision: the precision in which factors of matrices are multiplied; sums are in
  ///   fp32.
  public init(precision: Precision = .fp32) { self.precision = precision }

  /// Discards the sums.
  public func reset() {
    gradients.removeAll(keepingCapacity: true)
    tableGradients.removeAll(keepingCapacity: true)
  }

  /// The gradient of `parameter` in its `gradientShape`; nil if none has arrived since the last
  /// reset.
  public subscript(parameter: Parameter) -> Tensor? {
    tableGradients[parameter]?.dense(parameter.gradientShape) ?? gradients[parameter]
  }

  /// The gradient of a table as the rows that were read; nil if it is held as a tensor of the whole
  /// table.
  func tableGradient(of parameter: Parameter) -> TableGradient? { tableGradients[parameter] }

  /// The gradient of the trainable part of `parameter`, in its `trainableShape`; nil if none has
  /// arrived since the last reset.
  public func trainableGradient(of parameter: Parameter) -> Tensor? {
    switch parameter.trains {
    case .none: return nil
    case .all: return self[parameter]
    case .rows(let rows):
      return parameter.wantsWholeGradient ? self[parameter]?.rows(at: rows) : self[parameter]
    case .elements(let elements):
      guard parameter.wantsWholeGradient else { return gradients[parameter] }
      if let table = tableGradients[parameter] {
        return table.elements(at: elements)
      }
      return gradients[parameter]?.elements(at: elements)
    }
  }

  /// Adds one contribution to the sum of `parameter`.
  public func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition
  ) {
    let shape = parameter.gradientShape
    let table = tableGradients.removeValue(forKey: parameter)
    var earlier = gradients.removeValue(forKey: parameter)
    if earlier == nil, let (values, rows) = gradient.scattered,
      parameter.keepsOnlyReadRows(ofLookups: rows.count + (table?.lookupCount ?? 0))
    {
      tableGradients[parameter] = TableGradient(values, rows: rows, addingTo: table)
      return
    }
    if let table { earlier = table.dense(shape) }
    precondition(
      earlier.map { $0.shape == shape } ?? true,
      "receive: what trains of \(parameter.name) changed after a contribution to \(shape); reset "
        + "first")
    let isLater = earlier != nil
    var sum = earlier.take() ?? Tensor(uninitialized: shape, stays: true)
    var formed: any ParameterGradient = gradient
    if let rows = parameter.gradientRows { formed = gradient.restricted(to: rows) }
    if let elements = parameter.gradientElements {
      formed = SelectedElementsGradient(of: gradient, shape: parameter.shape, elements: elements)
    }
    formed.accumulate(into: &sum, adding: isLater, precision: precision)
    gradients[parameter] = sum
  }

  /// Adds the sums of `other`, element by element, and may take over its tensors.
  package func add(_ other: GradientAccumulator) {
    for (parameter, table) in other.tableGradients {
      if let mine = tableGradients[parameter] {
        tableGradients[parameter] = mine.adding(table)
      } else if var mine = gradients.removeValue(forKey: parameter) {
        mine.scatterAdd(table.values, rows: table.rows)
        gradients[parameter] = mine
      } else {
        tableGradients[parameter] = table
      }
    }
    for (parameter, gradient) in other.gradients {
      if let table = tableGradients.removeValue(forKey: parameter) {
        var sum = table.dense(gradient.shape)
        sum.add(gradient)
        gradients[parameter] = sum
      } else if var mine = gradients.removeValue(forKey: parameter) {
        mine.add(gradient)
        gradients[parameter] = mine
      } else {
        gradients[parameter] = gradient
      }
    }
  }

  /// Whether a gradient of `parameter` has arrived since the last reset.
  func has(_ parameter: Parameter) -> Bool {
    gradients[parameter] != nil || tableGradients[parameter] != nil
  }

  /// Replaces the gradient of `parameter`, in its `gradientShape`.
  func set(_ gradient: Tensor, of parameter: Parameter) {
    tableGradients[parameter] = nil
    gradients[parameter] = gradient
  }

  /// The Euclidean norm of the gradients of the trainable parts of `parameters`, accumulated in
  /// Double in the given order.
  public func globalNorm(of parameters: [Parameter]) -> Double {
    parameters.reduce(0) { sum, parameter in
      if parameter.trains == .all, let table = tableGradients[parameter] {
        return sum + table.values.sumOfSquares
      }
      return sum + (trainableGradient(of: parameter)?.sumOfSquares ?? 0)
    }.squareRoot()
  }
}
