/// The cotangents of one backward pass, indexed by node. Contributions to the same node accumulate.
struct CotangentStore {
  private var cotangents: [Tensor?]

  init(nodeCount: Int) { cotangents = Array(repeating: nil, count: nodeCount) }

  mutating func add(_ cotangent: Tensor, to node: Node) {
    guard var sum = cotangents[node.index].take() else {
      cotangents[node.index] = cotangent
      return
    }
    sum.add(cotangent)
    cotangents[node.index] = sum
  }

  /// Removes and returns the cotangent of `node`. Returns nil if no contribution reached it.
  mutating func take(_ node: Node) -> Tensor? { cotangents[node.index].take() }
}
