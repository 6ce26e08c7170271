import PEFTTensor

/// The classes of a task in the order of the model's outputs.
///
/// The order of the labels of data depends only on the set of names: by value if all are integers,
/// else by Unicode scalars. Labels for a trained head follow the order of its rows. Canonically
/// equivalent Unicode names are one class.
public struct LabelMap: Hashable, Sendable {
  /// The file beside an adapter that lists the names of the classes in order.
  package static let fileName = "labels.json"

  /// The name of each class, by index.
  public let names: [String]
  private let indices: [String: Int]

  /// The classes that occur in `labels`. There must be at least one.
  public init(_ labels: some Sequence<String>) {
    let distinct = Set(labels)
    precondition(!distinct.isEmpty, "LabelMap: no labels")
    let integers = distinct.compactMap { name in Int(name).map { (value: $0, name: name) } }
    let sorted =
      if integers.count == distinct.count {
        integers.sorted { left, right in
          left.value != right.value
            ? left.value < right.value : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }.map(\.name)
      } else {
        distinct.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      }
    self.init(ordered: sorted)
  }

  private init(ordered names: [String]) {
    self.names = names
    indices = Dictionary(
      names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The classes of a head whose rows have these names, all different. Data may also name a row by
  /// its number, if no name is a number, or by `LABEL_` and its number.
  ///
  /// Rows called `LABEL_0`, `LABEL_1`, … have no real names; their classes are 0, 1, ….
  package init(rowsNamed names: [String]) {
    let isGeneric = names.enumerated().allSatisfy { $1 == "LABEL_\($0)" }
    let rows = isGeneric ? names.indices.map(String.init) : names
    var indices = Dictionary(
      rows.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let hasNumbers = rows.contains { Int($0) != nil }
    for row in rows.indices {
      for name in (hasNumbers && !isGeneric ? [] : ["\(row)"]) + ["LABEL_\(row)"]
      where indices[name] == nil { indices[name] = row }
    }
    self.names = rows
    self.indices = indices
  }

  /// These classes in the order of a head's rows; nil unless every row is exactly one class.
  ///
  /// Names are first compared exactly, then without regard to case, and finally with the numbers of
  /// the rows.
  package func ordered(likeRowsNamed rowNames: [String]) -> LabelMap? {
    guard rowNames.count == count, Set(rowNames).count == count else { return nil }
    let head = LabelMap(rowsNamed: rowNames)
    guard let rows = head.indices(of: Set(names)) else { return nil }
    var ordered = Array(repeating: "", count: count)
    for name in names {
      guard let row = rows[name], ordered[row].isEmpty else { return nil }
      ordered[row] = name
    }
    return LabelMap(ordered: ordered)
  }

  /// The class of each of `labels`; nil if one of them has no class.
  ///
  /// If not all labels are names of classes, they are compared without regard to case, provided
  /// that no two classes and no two labels differ only in case.
  private func indices(of labels: Set<String>) -> [String: Int]? {
    var exact: [String: Int] = [:]
    for label in labels { exact[label] = indices[label] }
    if exact.count == labels.count { return exact }
    var folded: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      guard folded.updateValue(index, forKey: name.lowercased()) == nil else { return nil }
    }
    guard Set(labels.map { $0.lowercased() }).count == labels.count else { return nil }
    var found: [String: Int] = [:]
    for label in labels { found[label] = folded[label.lowercased()] }
    return found.count == labels.count ? found : nil
  }

  /// Tells how the labels of `examples` are read as classes if some are not names of classes; nil
  /// if all are names of classes, or if the labels cannot be matched.
  public func note(about examples: [TextExample], path: String) -> String? {
    let labels = Set(examples.compactMap(\.label))
    guard !labels.isSubset(of: names), let found = indices(of: labels) else { return nil }
    let pairs = found.filter { $0.key != names[$0.value] }.sorted { $0.value < $1.value }
    let shown = pairs.prefix(5).map { "\"\($0.key)\" as \(names[$0.value])" }
    return "\(path): labels are read as classes of the model: " + shown.joined(separator: ", ")
      + (pairs.count > 5 ? " and \(pairs.count - 5) more" : "")
  }

  /// The number of classes.
  public var count: Int { names.count }

  /// The index of the class `name`, or nil.
  public func index(of name: String) -> Int? { indices[name] }

  /// The class of every example of the file `path`. If not every label is the name of a class,
  /// labels are compared without regard to case if that is unambiguous.
  ///
  /// Throws `malformed`, with the line, for a missing label or one that is not in this map.
  public func classes(of examples: [TextExample], path: String) throws(FileError) -> [Int] {
    var classes: [Int] = []
    classes.reserveCapacity(examples.count)
    let known = indices(of: Set(examples.compactMap(\.label))) ?? indices
    for example in examples {
      guard let label = example.label else { throw missingLabel(example, path: path) }
      guard let index = known[label] else {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)",
          reason: "the label \"\(label)\" is not among the classes of the model: " + shortList,
          remedy: "correct the label, or train with examples of it")
      }
      classes.append(index)
    }
    return classes
  }

  private var shortList: String {
    let shown = names.prefix(20).joined(separator: ", ")
    return count > 20 ? "\(shown) and \(count - 20) more" : shown
  }

  /// The names as a JSON array.
  public var json: JSONValue { .array(names.map { .string($0) }) }

  /// The map that `json` describes, read from the file `path`.
  ///
  /// Throws `malformed` for anything but an array of at least one string, all different.
  public init(json: JSONValue, path: String) throws(FileError) {
    let names = json.array?.compactMap(\.string) ?? []
    guard !names.isEmpty, names.count == json.array?.count, Set(names).count == names.count else {
      throw FileError(
        .malformed, path: path, place: "labels",
        reason: "the labels are not an array of different strings")
    }
    self.init(ordered: names)
  }
}

/// The error for a row without the required label.
func missingLabel(_ example: TextExample, path: String, columns: String? = nil) -> FileError {
  FileError(
    .malformed, path: path, place: "line \(example.line)",
    reason: example.labels == nil
      ? "there is no label" + (columns.map { ": \($0)" } ?? "")
      : "the row has a list of labels, but this task takes one",
    remedy: example.labels == nil
      ? "training and evaluation need a label column, named label or given by `columns`"
      : "use `task` multi-label, or give one label")
}
