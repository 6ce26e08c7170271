import PEFTRuntime

/// Puts a string before every text that has characters.
struct Prepend: TextNormalizer {
  private let prefix: String

  init(_ component: Component) throws(FileError) { prefix = try component.string("prepend") }

  func normalized(_ text: String) -> String { text.isEmpty ? text : prefix + text }
}
