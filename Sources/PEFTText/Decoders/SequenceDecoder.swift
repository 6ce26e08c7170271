import PEFTRuntime

/// Several decoders, each applied to the pieces of the one before it.
struct SequenceDecoder: TokenDecoder {
  private let parts: [any TokenDecoder]

  init(_ component: Component) throws(FileError) {
    parts = try component.parts("decoders", by: component.table.decoders)
    try component.checkGrowth(growth)
  }

  var growth: Double { parts.reduce(1) { $0 * $1.growth } }

  func decoded(_ tokens: [String]) -> [String] { parts.reduce(tokens) { $1.decoded($0) } }
}
