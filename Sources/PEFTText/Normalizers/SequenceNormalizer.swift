import PEFTRuntime

/// Several normalizers, each applied to the result of the one before it.
struct SequenceNormalizer: TextNormalizer {
  private let parts: [any TextNormalizer]

  init(_ parts: [any TextNormalizer]) { self.parts = parts }

  init(_ component: Component) throws(FileError) {
    parts = try component.parts("normalizers", by: component.table.normalizers)
    try component.checkGrowth(growth)
  }

  func normalized(_ text: String) -> String {
    parts.reduce(text) { $1.normalized($0) }
  }

  var growth: Double { parts.reduce(1) { $0 * $1.growth } }

  var settings: [(name: String, value: Bool)] { parts.flatMap(\.settings) }
}
