/// The record of one forward computation, for backward and tangent passes through its
/// linearisation.
///
/// Operations are methods on the tape, one file each under `Operations/`. An operation is recorded
/// only if one of its inputs was recorded or one of its parameters is trainable; otherwise its
/// inputs are freed as soon as the caller releases them. A backward pass that consumes the tape
/// frees what each operation saved as soon as that operation is done.
public final class Tape {
  private var operations: [(any Operation)?] = []
  private let dropout: SeededGenerator?
  private let place: BatchPlace?
  private var dropoutSites: UInt64 = 0

  /// Whether models keep only the inputs of their layers and recompute the rest; see `recomputed`.
  public let recomputesLayers: Bool

  /// The precision of products with weights in the forward and backward passes. Tangents are in
  /// fp32.
  public let precision: Precision

  /// Whether activations are left out, and attention has its scores in place of their softmax; see
  /// `scoredValues`. Norms remain.
  let skipsNonlinearities: Bool

  /// Creates a tape. `dropout` generates the masks of this forward computation; nil disables
  /// dropout.
  ///
  /// - Parameters:
  ///   - place: where the examples of this computation are in their batch, if it is computed in
  ///     parts; nil if they are the batch.
  ///   - skippingNonlinearities: whether activations are left out and attention has its scores in
  ///     place of their softmax. Every sequence must then be one token.
  public init(
    dropout: SeededGenerator? = nil, at place: BatchPlace? = nil, recomputingLayers: Bool = false,
    precision: Precision = .fp32, skippingNonlinearities: Bool = false
  ) {
    self.dropout = dropout
    self.place = place
    self.precision = precision
    skipsNonlinearities = skippingNonlinearities
    recomputesLayers = recomputingLayers
  }

  /// Returns an empty tape whose dropout masks are the ones this tape would generate next.
  func fork() -> Tape {
    let tape = Tape(
      dropout: dropout, at: place, precision: precision, skippingNonlinearities: skipsNonlinearities
    )
    tape.dropoutSites = dropoutSites
    return tape
  }

  /// Continues with the masks that follow those of a fork.
  func join(_ fork: Tape) { dropoutSites = fork.dropoutSites }

  /// The number of operations recorded so far.
  public var operationCount: Int { operations.count }

  /// Wraps the output of an operation in a variable, and records the operation if `isNeeded`.
  ///
  /// - Parameter remaking: recomputes the value, bit for bit, from what the recorded operation
  ///   saves. Operations that use the value then need not save it.
  func output(
    _ value: Tensor, _ partition: RowPartition, when isNeeded: Bool,
    remaking: (() -> Tensor)? = nil, _ operation: @autoclosure () -> some Operation
  ) -> Variable {
    guard isNeeded else { return Variable(constant: value, partition: partition) }
    return Variable(
      value: value, partition: partition, node: record(operation()),
      saved: remaking.map { SavedInput(remaking: $0) } ?? SavedInput(value))
  }

  /// Whether dropout is enabled.
  public var drops: Bool { dropout != nil }

  /// Records an operation. Its output serves only the next operation.
  func record(_ operation: some Operation) -> Node {
    operations.append(operation)
    return Node(index: operations.count - 1)
  }

  /// Returns the mask of the next dropout site, for a tensor with one row for each token, example
  /// or predicted row; nil if nothing is dropped.
  func nextDropout(of shape: Shape, probability: Double) -> DropoutMask? {
    nextDropout(from: (place?.rows(before: shape.rows) ?? 0) * shape.columns, probability)
  }

  /// Returns the mask of the next dropout site, for the matrices of `heads` heads of every
  /// sequence; nil if nothing is dropped.
  func nextAttentionDropout(heads: Int, probability: Double) -> DropoutMask? {
    nextDropout(from: heads * (place?.squares ?? 0), probability)
  }

  private func nextDropout(from first: Int, _ probability: Double) -> DropoutMask? {
    guard let dropout, probability > 0 else { return nil }
    dropoutSites += 1
    return DropoutMask(
      probability: probability, key: dropout.key, site: dropoutSites, first: UInt64(first))
  }

  /// Backpropagates from `output` to every trainable parameter it depends on, and delivers the
  /// factors of their gradients to `sink`: Jᵀ · `cotangent`, with `cotangent` in the shape of
  /// `output`.
  ///
  /// - Parameter consuming: frees what the tape saved as the pass reaches it; the tape is empty
  ///   afterwards. Pass false to backpropagate through the same tape again.
  public func pullBack(
    _ cotangent: Tensor, from output: Variable, to sink: some GradientSink,
    consuming: Bool = true
  ) {
    precondition(
      cotangent.shape == output.value.shape,
      "pullBack: cotangent \(cotangent.shape) for an output \(output.value.shape)")
    guard let last = output.node else { return }
    precondition(last.index < operations.count, "pullBack: the tape was consumed by a walk before")
    var walk = ReverseWalk(nodeCount: last.index + 1, sink: sink)
    walk.add(cotangent, to: last)
    for index in stride(from: last.index, through: 0, by: -1) {
      guard let arrived = walk.take(Node(index: index)) else { continue }
      operations[index]?.pullBack(consume arrived, on: &walk)
      if consuming { operations[index] = nil }
    }
    if consuming { operations.removeAll(keepingCapacity: true) }
  }

  /// The tangent of `output` along `directions`: J · direction, in the shape of `output`. A frozen
  /// parameter, or one without a direction, has a zero tangent. The tape does not change.
  ///
  /// Only parameters that were trainable when the tape was recorded, and still are, contribute.
  public func tangent(of output: Variable, along directions: [Parameter: Tensor]) -> Tensor {
    guard let last = output.node else { return Tensor(zeros: output.value.shape) }
    precondition(last.index < operations.count, "tangent: the tape was consumed by a walk before")
    for (parameter, direction) in directions {
      precondition(
        direction.shape == parameter.shape,
        "tangent: direction \(direction.shape) for \(parameter.name) \(parameter.shape)")
    }
    var walk = ForwardWalk(directions: directions)
    for operation in operations[...last.index] {
      walk.append(operation?.tangent(on: walk))
    }
    return walk.tangent(of: last) ?? Tensor(zeros: output.value.shape)
  }
}

/// The state of one backward pass.
struct ReverseWalk {
  private var cotangents: CotangentStore
  private let sink: any GradientSink

  init(nodeCount: Int, sink: any GradientSink) {
    cotangents = CotangentStore(nodeCount: nodeCount)
    self.sink = sink
  }

  /// Adds to an input's cotangent. An input that needs no cotangent has no node.
  mutating func add(_ cotangent: @autoclosure () -> Tensor, to node: Node?) {
    if let node { cotangents.add(cotangent(), to: node) }
  }

  mutating func take(_ node: Node) -> Tensor? { cotangents.take(node) }

  /// Backpropagates through another tape into the same sink.
  func pullBack(_ cotangent: Tensor, from output: Variable, on tape: Tape) {
    tape.pullBack(cotangent, from: output, to: sink)
  }

  /// Delivers a contribution to a parameter's gradient. The gradient of a frozen parameter is never
  /// formed.
  func deliver(
    _ gradient: @autoclosure () -> some ParameterGradient, of parameter: Parameter?,
    partition: RowPartition
  ) {
    guard let parameter, parameter.wantsGradient else { return }
    sink.receive(gradient(), of: parameter, partition: partition)
  }
}

/// The state of one tangent pass.
struct ForwardWalk {
  private var tangents: [Tensor?] = []
  private let directions: [Parameter: Tensor]

  init(directions: [Parameter: Tensor]) { self.directions = directions }

  mutating func append(_ tangent: Tensor?) { tangents.append(tangent) }

  /// The tangent of an input, or nil if it is zero.
  func tangent(of node: Node?) -> Tensor? { node.flatMap { tangents[$0.index] } }

  /// The tangent of a variable of another tape, along the same directions.
  func tangent(of output: Variable, on tape: Tape) -> Tensor {
    tape.tangent(of: output, along: directions)
  }

  /// The direction of a parameter. Returns nil if it has none or is frozen.
  func direction(of parameter: Parameter?) -> Tensor? {
    guard let parameter, parameter.wantsGradient else { return nil }
    return directions[parameter]
  }
}
