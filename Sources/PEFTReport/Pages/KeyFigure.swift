/// A number of the first row of a page.
package struct KeyFigure {
  /// What it is.
  let name: String
  /// The number with its unit.
  package let value: String
  /// What to see it beside; empty for nothing.
  let note: String

  /// A number with its name.
  package init(name: String, value: String, note: String) {
    (self.name, self.value, self.note) = (name, value, note)
  }
}
