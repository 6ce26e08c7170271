/// How the elements of a parameter are grouped in sums over it.
public enum ElementSplit: Hashable, Sendable {
  /// All elements in one sum.
  case whole
  /// One sum for each row of a matrix.
  case rows
  /// One sum for each column of a matrix.
  case columns

  /// m, the number of sums over a parameter of this shape. A vector has one.
  public func sumCount(of shape: Shape) -> Int {
    guard shape.rank == 2 else { return 1 }
    return switch self {
    case .whole: 1
    case .rows: shape.rows
    case .columns: shape.columns
    }
  }
}
