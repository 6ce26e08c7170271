import PEFTRuntime

/// Prepends a string to every non-empty text.
struct Prepend: TextNormalizer {
  private let prefix: String

  init(_ component: Component) throws(FileError) { prefix = try component.string("prepend") }

  func normalized(_ text: String) -> String { text.isEmpty ? text : prefix + text }
}
