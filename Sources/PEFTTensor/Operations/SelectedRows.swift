extension Tape {
  /// y = the rows `numbers` of x, in that order.
  ///
  /// - Shapes: x [T, n], y [N, n] with N = |numbers|. The numbers must be distinct and ascending,
  ///   so that the rows of an example stay together.
  /// - Saves: nothing.
  public func rows(_ x: Variable, at numbers: [Int]) -> Variable {
    precondition(
      zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 },
      "rows: \(numbers.count) numbers that do not ascend")
    var lengths = [Int](repeating: 0, count: x.partition.exampleCount)
    var example = 0
    for number in numbers {
      while !x.partition[example].contains(number) { example += 1 }
      lengths[example] += 1
    }
    return output(
      x.value.rows(at: numbers), RowPartition(lengths: lengths), when: x.needsGradient,
      SelectedRows(input: x.node, numbers: numbers, shape: x.value.shape))
  }
}

private struct SelectedRows: Operation {
  static let name = "rows"
  let input: Node?
  let numbers: [Int]
  let shape: Shape

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    var gradient = Tensor(zeros: shape)
    gradient.replaceRows(at: numbers, with: cotangent)
    walk.add(gradient, to: input)
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    walk.tangent(of: input).map { $0.rows(at: numbers) }
  }
}
