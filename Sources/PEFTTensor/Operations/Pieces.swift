extension Tape {
  /// body(x), computed on a few examples at a time, so that the memory `body` uses does not grow
  /// with T.
  ///
  /// - Shapes: x and y [T, n]. `body` maps the rows [N, n] of whole examples to the same number of
  ///   rows, each example on its own. It may neither drop nor record anything.
  /// - Saves: nothing; x must not need a gradient.
  /// - Parameter rows: the maximum number of rows in a piece. An example with more rows is a piece
  ///   of its own.
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
  /// Ranges of examples with at most `rows` rows each, but at least one example.
  ///
  /// The pieces are of about equal size, because a short one would take as long to read the
  /// matrices with which its rows are multiplied.
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
