/// JSON documents in files.
public enum JSONFile {
  /// Writes a document, in full or not at all.
  public static func write(_ document: JSONValue, to path: String) throws(FileError) {
    try AtomicFile.write(Array((document.text(pretty: true) + "\n").utf8), to: path)
  }
}
