/// Which elements of a parameter train.
public enum TrainableElements: Hashable, Sendable {
  /// None: the parameter is frozen.
  case none
  /// All.
  case all
  /// Some rows of a matrix [V, n], ascending and distinct.
  case rows([Int])
  /// Some elements of a tensor of any shape, as positions in row-major order, ascending and
  /// distinct.
  case elements([Int])

  /// Ends the process where a parameter of this shape does not have these elements. A parameter of
  /// which nothing trains is frozen by `none`; an empty list is a programmer's error.
  func check(_ name: String, _ shape: Shape) {
    switch self {
    case .none, .all: break
    case .rows(let rows):
      precondition(
        shape.rank == 2 && Self.isAscending(rows, below: shape[0]),
        "trains: \(rows.count) rows \(rows.prefix(4))… of \(name) \(shape); they must be "
          + "ascending, distinct rows of a matrix, at least one")
    case .elements(let elements):
      precondition(
        Self.isAscending(elements, below: shape.count),
        "trains: \(elements.count) elements \(elements.prefix(4))… of \(name) \(shape); they must "
          + "be ascending, distinct positions, at least one")
    }
  }

  private static func isAscending(_ numbers: [Int], below limit: Int) -> Bool {
    guard let first = numbers.first, let last = numbers.last else { return false }
    return first >= 0 && last < limit && zip(numbers, numbers.dropFirst()).allSatisfy(<)
  }

  /// The rows, where they are rows that train.
  public var chosenRows: [Int]? {
    if case .rows(let rows) = self { rows } else { nil }
  }

  /// The elements, where they are single elements that train.
  public var chosenElements: [Int]? {
    if case .elements(let elements) = self { elements } else { nil }
  }

  /// These elements of a parameter of this shape and those at `positions`, as single elements.
  package func adding(_ positions: [Int], in shape: Shape) -> TrainableElements {
    .elements(Set(self.positions(in: shape)).union(positions).sorted())
  }

  /// The positions in row-major order of a parameter of this shape that train, ascending.
  func positions(in shape: Shape) -> [Int] {
    switch self {
    case .none: return []
    case .all: return Array(0..<shape.count)
    case .rows(let rows):
      let width = shape.columns
      return rows.flatMap { $0 * width..<($0 + 1) * width }
    case .elements(let elements): return elements
    }
  }
}

extension Tensor {
  /// A tensor that holds something for every element of a parameter that trained, for those that
  /// train now: elements that stay keep theirs, and those that are new get it from `fresh`, by the
  /// element's position.
  ///
  /// - Parameter shape: the shape of the parameter.
  package func carried(
    from old: TrainableElements, to new: TrainableElements, in shape: Shape, as newShape: Shape,
    fresh: (Int) -> Float = { _ in 0 }
  ) -> Tensor {
    if old == new { return self }
    let (before, after) = (old.positions(in: shape), new.positions(in: shape))
    precondition(
      before.count == count && after.count == newShape.count,
      "carried: \(self.shape) for \(before.count) elements, \(newShape) for \(after.count)")
    return Tensor(writing: newShape) { target in
      withElements(of: self) { source in
        var next = 0
        for (place, position) in after.enumerated() {
          while next < before.count, before[next] < position { next += 1 }
          let stays = next < before.count && before[next] == position
          target[place] = stays ? source[next] : fresh(position)
        }
      }
    }
  }
}
