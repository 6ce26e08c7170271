extension PackageDescriptions {
  /// The packages of an index in the form of Debian control files: stanzas separated by empty
  /// lines.
  ///
  /// A stanza consists of fields `Name: value`; a line that begins with a space continues a field.
  ///
  /// A stanza is skipped if it lacks `Description` (or `Description-en`) or `Section`, or if one of
  /// them is not UTF-8. The tags of `Tag` are separated by commas. Any bytes are accepted. O(n).
  public static func records(in bytes: [UInt8]) -> [Record] {
    var records: [Record] = []
    var stanza: Stanza?
    var position = 0
    var line = 0
    while position < bytes.count {
      line += 1
      let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      let content = bytes[position..<end]
      position = end + 1
      if content.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
        if let record = stanza?.record { records.append(record) }
        stanza = nil
      } else {
        stanza = stanza ?? Stanza(line: line)
        stanza?.take(content)
      }
    }
    if let record = stanza?.record { records.append(record) }
    return records
  }

  private struct Stanza {
    let line: Int
    private var description: [UInt8]?
    private var section: ArraySlice<UInt8>?
    private var tags: [UInt8] = []
    private var continuesDescription = false
    private var continuesTags = false

    init(line: Int) { self.line = line }

    private static let descriptionNames = ["Description:", "Description-en:"].map { Array($0.utf8) }
    private static let sectionName = Array("Section:".utf8)
    private static let tagName = Array("Tag:".utf8)

    /// Reads one line, which must not be empty.
    mutating func take(_ content: ArraySlice<UInt8>) {
      switch content.first {
      case UInt8(ascii: " "), UInt8(ascii: "\t"):
        let text = trimmed(content)
        if continuesTags { tags += text }
        guard continuesDescription else { return }
        // A line with a single dot represents an empty line between paragraphs.
        guard !text.elementsEqual([UInt8(ascii: ".")]) else { return }
        description?.append(UInt8(ascii: " "))
        description?.append(contentsOf: text)
      case UInt8(ascii: "T"):
        (continuesDescription, continuesTags) = (false, content.starts(with: Self.tagName))
        if continuesTags { tags += trimmed(content.dropFirst(Self.tagName.count)) }
      case UInt8(ascii: "D"):
        continuesTags = false
        let name = Self.descriptionNames.first { content.starts(with: $0) }
        continuesDescription = name != nil && description == nil
        if let name, continuesDescription {
          description = Array(trimmed(content.dropFirst(name.count)))
        }
      case UInt8(ascii: "S"):
        (continuesDescription, continuesTags) = (false, false)
        if content.starts(with: Self.sectionName) {
          section = trimmed(content.dropFirst(Self.sectionName.count))
        }
      default: (continuesDescription, continuesTags) = (false, false)
      }
    }

    /// The package, if the stanza describes one.
    var record: Record? {
      guard let description, let section,
        let text = String(validating: description, as: UTF8.self),
        let name = String(
          validating: section.suffix(while: { $0 != UInt8(ascii: "/") }), as: UTF8.self),
        !text.isEmpty, !name.isEmpty, !text.utf8.contains(0), !name.utf8.contains(0)
      else { return nil }
      return Record(description: text, section: name, tags: tagNames, line: line)
    }

    private var tagNames: [String] {
      tags.split(separator: UInt8(ascii: ",")).compactMap { tag in
        String(validating: trimmed(ArraySlice(tag)), as: UTF8.self)
      }.filter { !$0.isEmpty && !$0.utf8.contains(0) }
    }
  }
}

/// The bytes without leading and trailing white space.
private func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
  let start = bytes.drop(while: isSpace)
  guard let last = start.lastIndex(where: { !isSpace($0) }) else { return start.prefix(0) }
  return start[...last]
}

extension ArraySlice {
  /// The longest suffix in which every element satisfies `predicate`.
  fileprivate func suffix(while predicate: (Element) -> Bool) -> ArraySlice {
    guard let last = lastIndex(where: { !predicate($0) }) else { return self }
    return self[(last + 1)...]
  }
}
