import PEFTTensor

/// The classes of a task in the order of the model's outputs.
///
/// The order is a function of the set of names alone: by value when all are integers, else by
/// Unicode scalars. Names that are canonically equivalent Unicode are one class.
public struct LabelMap: Hashable, Sendable {
  /// The file with the names of the classes, in order, beside an adapter.
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

  /// The classes 0, 1, … of a model whose labels have no names but `LABEL_0`, `LABEL_1`, …,
  /// which data may have too.
  package init(unnamed count: Int) {
    names = (0..<count).map(String.init)
    indices = Dictionary(
      uniqueKeysWithValues: (0..<count).flatMap { [("\($0)", $0), ("LABEL_\($0)", $0)] })
  }

  /// The number of classes.
  public var count: Int { names.count }

  /// The index of the class `name`, or nil.
  public func index(of name: String) -> Int? { indices[name] }

  /// The class of every example of the file `path`.
  ///
  /// Throws `malformed`, with the line, for a label that is not in this map, or none.
  public func classes(of examples: [TextExample], path: String) throws(FileError) -> [Int] {
    var classes: [Int] = []
    classes.reserveCapacity(examples.count)
    for example in examples {
      guard let label = example.label else { throw missingLabel(example, path: path) }
      guard let index = indices[label] else {
        throw FileError(
          .malformed, path: path, place: "line \(example.line)",
          reason: "the label \"\(label)\" does not occur in the training data, which has "
            + shortList,
          remedy: "correct the label, or add examples of it to the training data")
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

  /// The map that `json` gave, read from the file `path`.
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

/// The error for a row without a label where one is needed.
func missingLabel(_ example: TextExample, path: String) -> FileError {
  FileError(
    .malformed, path: path, place: "line \(example.line)", reason: "there is no label",
    remedy: "training and evaluation need a label column, named label or given by `columns`")
}
