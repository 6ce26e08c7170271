import PEFTRuns
import PEFTTensor

extension Study {
  /// Two of `items` that would share a directory; nil if there are none.
  ///
  /// Names that differ only in case or in how Unicode composes a character are the same directory
  /// on some file systems, and results may be copied between file systems.
  package static func collision<Item>(
    among items: [Item], by name: (Item) -> String
  ) -> (Item, Item)? {
    var known: [String: Item] = [:]
    for item in items {
      let key = name(item).lowercased()
      if let first = known[key] { return (first, item) }
      known[key] = item
    }
    return nil
  }

  /// Throws if two problems would share a directory.
  func checkProblems() throws {
    guard let (first, second) = Self.collision(among: problems, by: \.name) else { return }
    throw InvalidSetting(
      "two problems would have one directory: \"\(first.name)\" and "
        + "\"\(second.name)\"; rename one of them")
  }

  /// Throws if two rows of one problem would share a directory, or if a row's label contains a
  /// slash.
  package static func check(_ rows: [StudyRow]) throws(InvalidSetting) {
    for (problem, rows) in Dictionary(grouping: rows, by: \.problem).sorted(by: { $0.key < $1.key })
    {
      if let row = rows.first(where: { $0.label.contains("/") }) {
        throw InvalidSetting(
          "\(row.method): its row \"\(row.label)\" cannot name a directory; take the slash out of "
            + "the name of the group")
      }
      guard let (first, second) = collision(among: rows, by: \.label) else { continue }
      let methods =
        first.method == second.method
        ? "two rows of the method \(first.method)"
        : "a row of the method \(first.method) and one of the method \(second.method)"
      throw InvalidSetting(
        "\(methods) would have one directory for the problem \(problem): \"\(first.label)\" and "
          + "\"\(second.label)\"; rename a method or a group, or leave out a budget")
    }
  }
}
