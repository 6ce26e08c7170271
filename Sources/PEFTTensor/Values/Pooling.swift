/// How the rows of an example are reduced to one.
public enum Pooling: String, CaseIterable, Hashable, Sendable {
  /// The first row.
  case first
  /// The last row.
  case last
  /// The mean of the rows.
  case mean
}
