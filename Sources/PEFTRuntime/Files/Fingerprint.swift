/// SHA-256 of files, which binds results to the files from which they were made.
public enum Fingerprint {
  /// The digest of a regular file's bytes in hexadecimal. For a model's files, see `ModelFiles`.
  public static func file(_ path: String) throws(FileError) -> String {
    var hash = SHA256()
    try FileContents.forEachPiece(of: path) { hash.append($0) }
    return hash.hexadecimal
  }

  /// The digest of texts in the given order, in hexadecimal.
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
