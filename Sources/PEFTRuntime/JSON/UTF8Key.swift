/// A string compared by its bytes, for use as a dictionary key.
///
/// `String` compares by canonical equivalence: "é" as one scalar equals "é" as two. Names in files
/// (JSON keys, tensors, tokens of a vocabulary) differ as soon as their bytes differ.
package struct UTF8Key: Hashable, Sendable {
  /// The string as written in the file.
  package let string: String

  /// The key of `string`.
  package init(_ string: String) { self.string = string }

  package static func == (left: UTF8Key, right: UTF8Key) -> Bool {
    left.string.utf8.elementsEqual(right.string.utf8)
  }

  package func hash(into hasher: inout Hasher) {
    let isHashed: Void? = string.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isHashed == nil { Array(string.utf8).withUnsafeBytes { hasher.combine(bytes: $0) } }
  }
}
