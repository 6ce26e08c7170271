extension AdamW {
  /// The state of all elements, of which each process has what belongs to its slice.
  package func state(gatheredBy exchange: GradientExchange) throws -> OptimizerState {
    let shares = exchange.shares
    var state = self.state
    // All processes exchange the slots in the same order.
    for name in state.slots.keys.sorted() {
      guard let slot = state.slots[name] else { continue }
      var whole: [String: Tensor] = [:]
      for parameter in exchange.parameters {
        whole[parameter.name] = Tensor(zeros: parameter.trainableShape)
      }
      try exchange.gather { piece, target in
        guard let part = slot[piece.parameter.name], let share = shares[piece.parameter] else {
          return
        }
        withElements(of: part) {
          target.update(
            from: $0 + piece.range.lowerBound - share.lowerBound, count: piece.range.count)
        }
      } writing: { piece, source in
        whole[piece.parameter.name]?.withUnsafeMutableElements { elements in
          elements.baseAddress.map {
            ($0 + piece.range.lowerBound).update(from: source, count: piece.range.count)
          }
        }
      }
      state.slots[name] = whole
    }
    return state
  }
}
