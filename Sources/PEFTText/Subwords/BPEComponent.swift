import PEFTRuntime

/// The parts that the files of both kinds of byte-pair encoding have in common.
struct BPEComponent {
  private let component: Component

  init(_ component: Component) { self.component = component }

  /// The model's tokens, followed by the added tokens that it lacks.
  func vocabulary(_ surroundings: ModelSurroundings) throws(FileError) -> Vocabulary {
    try Vocabulary(component, added: surroundings.added)
  }

  /// Throws if the file uses a feature that neither kind supports here.
  func refuseOtherKinds() throws(FileError) {
    for key in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]
    where component.isPresent(key) && component.value[key] != .string("") {
      throw component.unsupported(component.value[key]?.text() ?? "", at: key)
    }
  }

  /// The merges, written either as `"a b"` or as `["a", "b"]`.
  func merges() throws(FileError) -> [(left: String, right: String, place: String)] {
    guard let entries = component.value["merges"]?.array else {
      throw component.malformed("it is missing or not a list", at: "merges")
    }
    var pairs: [(left: String, right: String, place: String)] = []
    for (index, entry) in entries.enumerated() {
      let parts =
        entry.string.map {
          // A blank and a combining mark after it are one character, but two scalars.
          $0.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false)
            .map { String(String.UnicodeScalarView($0)) }
        }
        ?? entry.array?.compactMap(\.string) ?? []
      guard parts.count == 2 else {
        throw component.malformed("not a pair of tokens", at: "merges[\(index)]")
      }
      pairs.append((parts[0], parts[1], "\(component.place).merges[\(index)]"))
    }
    return pairs
  }
}
