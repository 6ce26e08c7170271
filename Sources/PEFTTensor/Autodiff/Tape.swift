/// The record of one forward computation, for reverse and forward walks over its linearisation.
///
/// Operations are methods on the tape, one file each under `Operations/`. An operation is recorded
/// only if one of its inputs is, or one of its parameters is trainable; otherwise its inputs are
/// freed as soon as the caller lets go of them. A reverse walk that consumes the tape frees what
/// each operation saved as soon as that operation is done.
public final class Tape {
  private var operations: [(any Operation)?] = []
  private let dropout: SeededGenerator?
  private var dropoutSites: UInt64 = 0

  /// Whether models are to keep the inputs of their layers only; see `recomputed`.
  public let recomputesLayers: Bool

  /// The precision of the products with weights, forward and in a reverse walk;
  /// tangents are in fp32.
  public let precision: Precision

  /// A tape. `dropout` makes the masks of this forward computation; nil switches dropout off.
  public init(
    dropout: SeededGenerator? = nil, recomputingLayers: Bool = false, precision: Precision = .fp32
  ) {
    self.dropout = dropout
    self.precision = precision
    recomputesLayers = recomputingLayers
  }

  /// An empty tape whose masks are those that would come next on this one.
  func fork() -> Tape {
    let tape = Tape(dropout: dropout, precision: precision)
    tape.dropoutSites = dropoutSites
    return tape
  }

  /// Goes on with the masks behind those of a fork.
  func join(_ fork: Tape) { dropoutSites = fork.dropoutSites }

  /// The number of operations recorded so far.
  public var operationCount: Int { operations.count }

  /// The output of an operation, recorded when `isNeeded`.
  ///
  /// - Parameter remaking: makes the value again from what the recorded operation saves, to the
  ///   bit; what follows then need not keep it.
  func output(
    _ value: Tensor, _ partition: RowPartition, when isNeeded: Bool,
    remaking: (() -> Tensor)? = nil, _ operation: @autoclosure () -> some Operation
  ) -> Variable {
    guard isNeeded else { return Variable(constant: value, partition: partition) }
    return Variable(
      value: value, partition: partition, node: record(operation()),
      saved: remaking.map { SavedInput(remaking: $0) } ?? SavedInput(value))
  }

  /// Whether anything can be dropped.
  public var drops: Bool { dropout != nil }

  /// Records an operation; its output is of no use but to the next one.
  func record(_ operation: some Operation) -> Node {
    operations.append(operation)
    return Node(index: operations.count - 1)
  }

  /// The mask of the next place that drops, or nil where nothing is dropped.
  func nextDropout(probability: Double) -> DropoutMask? {
    guard let dropout, probability > 0 else { return nil }
    dropoutSites += 1
    return DropoutMask(probability: probability, key: dropout.key, site: dropoutSites)
  }

  /// Walks from `output` back to every trainable parameter below it and hands `sink` the factors of
  /// their gradients: Jᵀ · `cotangent`, `cotangent` in the shape of `output`.
  ///
  /// - Parameter consuming: frees what the tape saved as the walk passes it; the tape is empty
  ///   afterwards. Pass false to walk the same tape again.
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

  /// The tangent of `output` along `directions`: J · direction, in the shape of `output`. A
  /// parameter without a direction stands still, and so does a frozen one. The tape stays as it is.
  ///
  /// Only parameters that were trainable when the tape was made, and are now, are seen.
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

/// The state of one walk against the direction of computation.
struct ReverseWalk {
  private var cotangents: CotangentStore
  private let sink: any GradientSink

  init(nodeCount: Int, sink: any GradientSink) {
    cotangents = CotangentStore(nodeCount: nodeCount)
    self.sink = sink
  }

  /// Adds to an input's cotangent; an input that needs none has no node.
  mutating func add(_ cotangent: @autoclosure () -> Tensor, to node: Node?) {
    if let node { cotangents.add(cotangent(), to: node) }
  }

  mutating func take(_ node: Node) -> Tensor? { cotangents.take(node) }

  /// Walks another tape with the same sink.
  func pullBack(_ cotangent: Tensor, from output: Variable, on tape: Tape) {
    tape.pullBack(cotangent, from: output, to: sink)
  }

  /// Hands over a contribution to a parameter's gradient; a frozen parameter's is never formed.
  func deliver(
    _ gradient: @autoclosure () -> some ParameterGradient, of parameter: Parameter?,
    partition: RowPartition
  ) {
    guard let parameter, parameter.wantsGradient else { return }
    sink.receive(gradient(), of: parameter, partition: partition)
  }
}

/// The state of one walk along the direction of computation.
struct ForwardWalk {
  private var tangents: [Tensor?] = []
  private let directions: [Parameter: Tensor]

  init(directions: [Parameter: Tensor]) { self.directions = directions }

  mutating func append(_ tangent: Tensor?) { tangents.append(tangent) }

  /// The tangent of an input; nil when it stands still.
  func tangent(of node: Node?) -> Tensor? { node.flatMap { tangents[$0.index] } }

  /// The tangent of a variable of another tape, along the same directions.
  func tangent(of output: Variable, on tape: Tape) -> Tensor {
    tape.tangent(of: output, along: directions)
  }

  /// The direction of a parameter; nil when it stands still, as a frozen one always does.
  func direction(of parameter: Parameter?) -> Tensor? {
    guard let parameter, parameter.wantsGradient else { return nil }
    return directions[parameter]
  }
}
