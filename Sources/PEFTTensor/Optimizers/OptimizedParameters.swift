/// The parameters of an optimizer, with the elements of each for which the optimizer keeps state.
struct OptimizedParameters {
  /// The parameters, in a fixed order.
  let all: [Parameter]
  private(set) var elements: [TrainableElements]
  private let positions: [Parameter: Int]
  /// The trainable elements of each parameter for which there is state; nil for all.
  var shares: [Parameter: Range<Int>]?

  init(_ parameters: [Parameter], shares: [Parameter: Range<Int>]? = nil) {
    self.shares = shares
    all = parameters
    elements = parameters.map(\.trains)
    positions = Dictionary(
      uniqueKeysWithValues: parameters.enumerated().map { ($1, $0) })
  }

  /// Zeros for every trainable element: one tensor for each parameter, in its `trainableShape`.
  /// Those of a table take memory only as its rows are written.
  var zeros: [Tensor] {
    all.map { parameter in
      guard parameter.isTrainable else { return Tensor(zeros: [0]) }
      let shape = shape(of: parameter)
      return parameter.hasStateOfReadRows ? Tensor(zeroPages: shape) : Tensor(zeros: shape)
    }
  }

  /// The shape of the state of a parameter.
  private func shape(of parameter: Parameter) -> Shape {
    guard let shares else { return parameter.trainableShape }
    return [shares[parameter]?.count ?? 0]
  }

  /// A copy of the tensor of a table's state, in which all-zero rows take no memory, as in `zeros`.
  private static func compacted(_ tensor: Tensor) -> Tensor {
    let width = tensor.shape.columns
    var result = Tensor(zeroPages: tensor.shape)
    result.withUnsafeMutableElements { target in
      tensor.withUnsafeElements { source in
        for row in 0..<tensor.shape.rows {
          let elements = row * width..<(row + 1) * width
          guard source[elements].contains(where: { $0 != 0 }) else { continue }
          for index in elements { target[index] = source[index] }
        }
      }
    }
    return result
  }

  /// The tensors of a slot, keyed by the names of their parameters. Frozen parameters are left out.
  func named(_ tensors: [Tensor]) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (parameter, tensor) in zip(all, tensors) where parameter.isTrainable {
      precondition(
        result.updateValue(tensor, forKey: parameter.name) == nil,
        "Optimizer: two parameters are called \(parameter.name)")
    }
    return result
  }

  /// The tensors of a slot of a state, in the order of the parameters. They must fit the elements
  /// that are trainable now.
  mutating func restored(_ slot: [String: Tensor]?) -> [Tensor] {
    elements = all.map(\.trains)
    return all.map { parameter in
      guard parameter.isTrainable else { return Tensor(zeros: [0]) }
      let tensor = slot?[parameter.name]
      precondition(
        tensor?.shape == parameter.trainableShape,
        "Optimizer: a state of \(parameter.name) with the shape \(tensor?.shape ?? [0]), where "
          + "\(parameter.trainableShape) trains")
      let state = tensor ?? Tensor(zeros: [0])
      if let shares {
        let share = shares[parameter] ?? 0..<0
        return state.withUnsafeElements { elements in
          Tensor(Array(elements[share]), shape: [share.count])
        }
      }
      return parameter.hasStateOfReadRows ? Self.compacted(state) : state
    }
  }

  /// Updates a slot of `parameter` to the elements that are trainable now. Call `note` after the
  /// last slot.
  func carry(_ parameter: Parameter, _ slot: inout [Tensor]) {
    precondition(shares == nil, "Optimizer: what trains cannot change where its state is divided")
    let index = place(of: parameter)
    slot[index] = slot[index].carried(
      from: elements[index], to: parameter.trains, in: parameter.shape,
      as: parameter.isTrainable ? parameter.trainableShape : [0])
  }

  /// Records the elements of `parameter` that are trainable now.
  mutating func note(_ parameter: Parameter) { elements[place(of: parameter)] = parameter.trains }

  private func place(of parameter: Parameter) -> Int {
    guard let position = positions[parameter] else {
      preconditionFailure("Optimizer: \(parameter.name) is not this optimizer's")
    }
    return position
  }

  /// The position of `parameter`. It must belong to this optimizer, and its trainable elements must
  /// be those the optimizer last recorded.
  func position(of parameter: Parameter) -> Int {
    let position = place(of: parameter)
    precondition(
      parameter.trains == elements[position],
      "Optimizer: \(parameter.trainableCount) elements of \(parameter.name) train, others than the "
        + "optimizer has state for")
    return position
  }
}
