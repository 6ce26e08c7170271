import PEFTTensor

/// A page as a file whose last line is the SHA-256 of everything before it.
package enum PageFile {
  private static let head = "<meta name=\"generator\" content=\"peft "
  private static let sealHead = "<!-- SHA-256 "
  private static func seal(_ digest: String) -> String { "\(sealHead)\(digest) -->\n" }

  /// Writes a page.
  package static func write(_ html: String, to path: String) throws(FileError) {
    let bytes = Array(html.utf8)
    try AtomicFile.write(bytes + Array(seal(digest(bytes)).utf8), to: path)
  }

  /// Writes a page to `path`, replacing only another page.
  ///
  /// Pages that killed processes have left in part beside it are removed.
  ///
  /// Throws `storage` if there is anything else at `path`.
  package static func replace(with html: String, at path: String) throws(FileError) {
    let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    AtomicFile.removeLeftOvers(in: directory) { path in
      let isEmpty = (try? FileContents.byteCount(path)) == 0
      return isEmpty || (try? isPage(path)) == true
    }
    switch try DirectoryHandle.entry(path) {
    case nil: break
    case .file where try isPage(path): break
    default:
      throw FileError(
        .storage, path: path, reason: "there is already a file that is not a page of peft",
        remedy: "name another file with `output`")
    }
    try write(html, to: path)
  }

  private static func isPage(_ path: String) throws(FileError) -> Bool {
    String(decoding: try FileContents.read(path).prefix(1024), as: UTF8.self).contains(head)
  }

  /// Throws `malformed` if a page was changed after it was written. A page without a digest, as
  /// earlier versions wrote it, passes.
  package static func check(_ path: String) throws(FileError) {
    let bytes = try FileContents.read(path)
    let length = seal(digest([])).utf8.count
    let isSealed = bytes.suffix(length).starts(with: sealHead.utf8)
    let isPage = try isPage(path)
    guard isSealed || isPage || bytes.count < length else { return }
    let page = Array(bytes.dropLast(length))
    guard bytes.suffix(length).elementsEqual(seal(digest(page)).utf8) else {
      throw FileError(
        .malformed, path: path, reason: "it was changed after it was written",
        remedy: "write it again")
    }
  }

  private static func digest(_ bytes: [UInt8]) -> String {
    var hash = SHA256()
    hash.append(bytes)
    return hash.hexadecimal
  }
}
