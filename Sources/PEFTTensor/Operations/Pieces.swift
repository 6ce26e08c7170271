extension Tape {
  /// body(x), computed on a few examples at a time: what `body` holds meanwhile
  /// does not grow with T.
  ///
  /// - Shapes: x and y [T, n]; `body` maps the rows [N, n] of whole examples to as many, each
  ///   example by itself, drops nothing and records nothing.
  /// - Saves: nothing; x needs no gradient.
  /// - Parameter rows: the most rows of a piece; an example that has more is one alone.
  public func inPieces(
    _ x: Variable, ofRows rows: Int, _ body: (Variable) -> Variable
  ) -> Variable {
    precondition(!x.needsGradient && !drops, "inPieces: x needs a gradient, or the tape drops")
    let pieces = x.partition.pieces(ofRows: rows)
    guard pieces.count > 1 else { return body(x) }
    let y = Tensor(writing: x.value.shape) { target in
      let width = x.value.shape.columns
      for examples in pieces {
        let first = x.partition.offsets[examples.lowerBound]
        let partition = RowPartition(lengths: examples.map { x.partition[$0].count })
        let input = x.value.rows(first..<first + partition.rowCount)
        let output = body(Variable(constant: input, partition: partition))
        precondition(
          output.value.shape == input.shape && !output.needsGradient,
          "inPieces: \(input.shape) became \(output.value.shape), or was recorded")
        output.value.withUnsafeElements {
          if let start = $0.baseAddress {
            (target + first * width).update(from: start, count: $0.count)
          }
        }
      }
    }
    return Variable(constant: y, partition: x.partition)
  }
}

extension RowPartition {
  /// Runs of examples with at most so many rows each, but at least one example: about equal ones,
  /// for a short one would take as long to read what it is multiplied by.
  fileprivate func pieces(ofRows rows: Int) -> [Range<Int>] {
    let count = max(1, (rowCount + rows - 1) / rows)
    var pieces: [Range<Int>] = []
    var first = 0
    for example in 0..<exampleCount {
      let next = offsets[example + 1]
      let isLast = example + 1 == exampleCount
      let isFull = next * count >= rowCount * (pieces.count + 1)
      let isOver = !isLast && offsets[example + 2] - offsets[first] > rows
      if isLast || (next > offsets[first] && next < rowCount && (isFull || isOver)) {
        pieces.append(first..<example + 1)
        first = example + 1
      }
    }
    return pieces
  }
}
