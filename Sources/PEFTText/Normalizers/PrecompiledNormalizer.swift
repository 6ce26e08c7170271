import PEFTRuntime

/// A normalization that SentencePiece compiles into its models, such as `nmt_nfkc`: a table from
/// character sequences to their replacements.
///
/// As in the reference, a grapheme cluster of fewer than 6 bytes is looked up as a whole, and the
/// replacement of the shortest entry with which it begins replaces the whole cluster. A longer
/// cluster, or one without an entry, is looked up scalar by scalar.
struct PrecompiledNormalizer: TextNormalizer {
  private let table: CharacterMap

  init(_ component: Component) throws(FileError) {
    let text = try component.string("precompiled_charsmap")
    guard let bytes = Base64.decoded(text), let table = CharacterMap(bytes) else {
      throw component.malformed("it is not a table in base64", at: "precompiled_charsmap")
    }
    self.table = table
  }

  init(_ table: CharacterMap) { self.table = table }

  private static let longestCluster = 5

  func normalized(_ text: String) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for cluster in text {
      let bytes = Array(cluster.utf8)
      if bytes.count <= Self.longestCluster, let found = table.shortestMatch(bytes[...]) {
        result.append(contentsOf: found)
        continue
      }
      for scalar in cluster.unicodeScalars {
        let part = Array(UTF8.encode(scalar) ?? .init())
        result.append(contentsOf: table.shortestMatch(part[...]) ?? part[...])
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
