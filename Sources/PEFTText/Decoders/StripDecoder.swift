import PEFTRuntime

/// Drops up to a given number of one character from each end of each piece.
struct StripDecoder: TokenDecoder {
  private let content: Unicode.Scalar
  private let atStart: Int
  private let atEnd: Int

  init(_ component: Component) throws(FileError) {
    let scalars = try component.string("content").unicodeScalars
    guard let content = scalars.first, scalars.count == 1 else {
      throw component.malformed("content is not one character")
    }
    self.content = content
    atStart = try component.count("start")
    atEnd = try component.count("stop")
  }

  func decoded(_ tokens: [String]) -> [String] {
    tokens.map { token in
      var scalars = token.unicodeScalars[...]
      for _ in 0..<min(atStart, scalars.count) where scalars.first == content {
        scalars.removeFirst()
      }
      for _ in 0..<min(atEnd, scalars.count) where scalars.last == content { scalars.removeLast() }
      return String(scalars)
    }
  }
}
