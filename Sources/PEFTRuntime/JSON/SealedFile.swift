/// A JSON document that contains the SHA-256 of its own bytes, so that a change to any byte is
/// detected.
///
/// The digest is the member `NAME` of the document's object `files`, beside the digests of other
/// files. NAME is the usual name of such a document, whatever the file is called. The digest is
/// computed with its own 64 digits replaced by zeros.
package enum SealedFile {
  private static let key = "files"
  private static let blank = String(repeating: "0", count: 64)

  /// Writes `document`, in full or not at all, with its own digest added to its `files`.
  package static func write(
    _ document: JSONObject, named name: String, to path: String
  ) throws(FileError) {
    try AtomicFile.write(bytes(document, named: name), to: path)
  }

  /// The bytes that `write` writes.
  package static func bytes(_ document: JSONObject, named name: String) -> [UInt8] {
    var (document, files) = (document, document[key]?.object ?? [:])
    files[name] = .string(blank)
    document[key] = .object(files)
    let text = JSONValue.object(document).text(pretty: true) + "\n"
    files[name] = .string(digest(Array(text.utf8)))
    document[key] = .object(files)
    return Array((JSONValue.object(document).text(pretty: true) + "\n").utf8)
  }

  /// Reads the document at `path` and checks the digest of its own bytes, if it contains one.
  ///
  /// Errors: `malformed` if the digest does not match the bytes, unless `checking` is false; those
  /// of `JSONValue(contentsOf:)`.
  ///
  /// - Returns: the document without that digest, and whether it contained one.
  package static func read(
    _ path: String, named name: String, checking: Bool = true
  ) throws(FileError) -> (document: JSONValue, isSealed: Bool) {
    let bytes = try FileContents.read(regularFile: path, limit: JSONValue.documentLimit)
    let document = try JSONValue(parsing: bytes, path: path)
    guard var object = document.object, var files = object[key]?.object,
      let written = files[name]
    else { return (document, false) }
    if checking {
      guard let found = written.string, let blanked = blanked(bytes, name, found),
        digest(blanked) == found
      else {
        throw FileError(
          .malformed, path: path,
          reason: "it was changed after it was written: its SHA-256 is not the one it holds",
          remedy: "restore it, or run the command again that wrote it")
      }
    }
    files[name] = nil
    object[key] = .object(files)
    return (.object(object), true)
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    hash.append(bytes)
    return hash.hexadecimal
  }

  /// The bytes with the digits of the digest replaced by zeros; nil unless the digest occurs
  /// exactly once.
  private static func blanked(_ bytes: [UInt8], _ name: String, _ digest: String) -> [UInt8]? {
    let member = Array("\(JSONValue.string(name).text()): \"\(digest)\"".utf8)
    guard digest.utf8.count == blank.utf8.count else { return nil }
    let places = bytes.indices.filter {
      bytes[$0] == member[0] && bytes[$0...].starts(with: member)
    }
    guard places.count == 1, let place = places.first else { return nil }
    var bytes = bytes
    let end = place + member.count - 1
    bytes.replaceSubrange(end - blank.utf8.count..<end, with: blank.utf8)
    return bytes
  }
}
