extension GradientAccumulator {
  /// Adds the squares of the whole gradients that `other` has of `parameters`, element by element.
  ///
  /// Every parameter must request its whole gradient.
  package func addSquares(of other: GradientAccumulator, among parameters: [Parameter]) {
    for parameter in parameters {
      guard var squares = other[parameter] else { continue }
      squares.withUnsafeMutableElements { elements in
        for index in elements.indices { elements[index] *= elements[index] }
      }
      receive(.dense(squares), of: parameter, partition: RowPartition(examples: 1))
    }
  }
}
