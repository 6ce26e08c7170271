/// The elements of a parameter that are trainable.
public enum TrainableElements: Hashable, Sendable {
  /// No element: the parameter is frozen.
  case none
  /// All elements.
  case all
  /// Some rows of a matrix [V, n], ascending and distinct.
  case rows([Int])
  /// Some elements of a tensor of any shape, as positions in row-major order, ascending and
  /// distinct.
  case elements([Int])

  /// Traps if a parameter of this shape does not have these elements. Use `none` to freeze a
  /// parameter; an empty list is a programmer's error.
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

  /// The rows, if whole rows were chosen; otherwise nil.
  public var chosenRows: [Int]? {
    if case .rows(let rows) = self { rows } else { nil }
  }

  /// The elements, if single elements were chosen; otherwise nil.
  public var chosenElements: [Int]? {
    if case .elements(let elements) = self { elements } else { nil }
  }

  /// The shape of a tensor with one number for each of these elements of a parameter of `shape`:
  /// [|rows|, n] or [|elements|] for some rows or elements, otherwise `shape`.
  package func shape(in shape: Shape) -> Shape {
    switch self {
    case .none, .all: shape
    case .rows(let rows): [rows.count, shape.columns]
    case .elements(let elements): [elements.count]
    }
  }

  /// Single elements: these elements of a parameter of this shape plus those at the ascending
  /// `positions`.
  package func adding(_ positions: [Int], in shape: Shape) -> TrainableElements {
    let all = self.positions(in: shape).merged(with: positions)
    return all.isEmpty ? .none : .elements(all)
  }

  /// The row-major positions of these elements in a parameter of this shape, ascending.
  package func positions(in shape: Shape) -> [Int] {
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

extension [Int] {
  /// The numbers of two ascending lists, ascending and without duplicates.
  package func merged(with other: [Int]) -> [Int] {
    var result: [Int] = []
    result.reserveCapacity(count + other.count)
    var (mine, theirs) = (startIndex, other.startIndex)
    while mine < endIndex || theirs < other.endIndex {
      let takesMine = theirs == other.endIndex || (mine < endIndex && self[mine] <= other[theirs])
      let next = takesMine ? self[mine] : other[theirs]
      if takesMine { mine += 1 } else { theirs += 1 }
      if result.last != next { result.append(next) }
    }
    return result
  }

  /// The numbers of an ascending list that are not in another one, ascending.
  package func subtracting(_ other: [Int]) -> [Int] {
    var theirs = other.startIndex
    return filter { number in
      while theirs < other.endIndex, other[theirs] < number { theirs += 1 }
      return theirs == other.endIndex || other[theirs] != number
    }
  }
}

extension Tensor {
  /// Converts a tensor with one number for every formerly trainable element of a parameter to the
  /// elements that are trainable now. Elements that remain trainable keep their numbers; new ones
  /// take theirs from `fresh`, by the element's position.
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
