/// SHA-256 of files, to bind what was trained to what it was trained on.
public enum Fingerprint {
  /// The digest of a regular file's bytes in hexadecimal. Of a model's files, see `ModelFiles`.
  public static func file(_ path: String) throws(FileError) -> String {
    var hash = SHA256()
    try FileContents.forEachPiece(of: path) { hash.append($0) }
    return hash.hexadecimal
  }

  /// The digest of texts in their order, in hexadecimal.
  package static func of(_ texts: [String]) -> String {
    var hash = SHA256()
    for text in texts {
      var count = UInt64(text.utf8.count).littleEndian
      withUnsafeBytes(of: &count) { hash.append($0) }
      hash.append(Array(text.utf8))
    }
    return hash.hexadecimal
  }
}
