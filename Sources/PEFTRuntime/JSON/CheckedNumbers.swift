/// Reads the numbers among the members of a JSON object in a file, each with its permitted range.
///
/// A state file comes from outside like any other file. If a number in it is missing, has another
/// type or is out of range, a `FileError` of kind `malformed` names the file and the member.
/// Numbers read this way can be added, converted and shown without overflow.
package struct CheckedNumbers {
  /// The largest count: 2^50, so that the sum of 2^13 counts still fits 64 bits.
  package static let largestCount = 1 << 50
  /// The longest duration, in seconds.
  package static let longestTime = 1e12

  private let members: JSONValue
  private let path: String
  private let place: String
  private let remedy: String

  /// The numbers of `members`, found at `place` in the file at `path`; an empty place means the
  /// whole document.
  package init(_ members: JSONValue, path: String, place: String = "", remedy: String) {
    self.members = members
    self.path = path
    self.place = place
    self.remedy = remedy
  }

  /// The numbers of a place that stores them as text: a row of a table, or the metadata of a
  /// safetensors file.
  package init(cells: [String: String], path: String, place: String, remedy: String) {
    var members = JSONObject()
    for (key, text) in cells {
      members[key] = Int(text).map { .integer($0) } ?? Double(text).map { .number($0) } ?? .null
    }
    self.init(.object(members), path: path, place: place, remedy: remedy)
  }

  /// The whole number `key`.
  package func count(
    _ key: String, in range: ClosedRange<Int> = 0...largestCount
  ) throws(FileError) -> Int {
    guard let value = members[key]?.integer, range.contains(value) else {
      throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// The whole number `key`; nil if it is missing or null.
  package func countIfPresent(
    _ key: String, in range: ClosedRange<Int> = 0...largestCount
  ) throws(FileError) -> Int? {
    isPresent(key) ? try count(key, in: range) : nil
  }

  /// The number `key`, which must be finite.
  package func number(
    _ key: String,
    in range: ClosedRange<Double> = -.greatestFiniteMagnitude...(.greatestFiniteMagnitude)
  ) throws(FileError) -> Double {
    guard let value = members[key]?.double, range.contains(value) else {
      let isBounded = range.upperBound < .greatestFiniteMagnitude
      throw wrong(
        key,
        isBounded
          ? "a number from \(range.lowerBound) to \(range.upperBound)"
          : range.lowerBound == 0 ? "a finite number from 0" : "a finite number")
    }
    return value
  }

  /// The number `key`, which must be finite; nil if it is missing or null.
  package func numberIfPresent(
    _ key: String,
    in range: ClosedRange<Double> = -.greatestFiniteMagnitude...(.greatestFiniteMagnitude)
  ) throws(FileError) -> Double? {
    isPresent(key) ? try number(key, in: range) : nil
  }

  /// The duration `key`, in seconds.
  package func seconds(_ key: String) throws(FileError) -> Double {
    try number(key, in: 0...Self.longestTime)
  }

  /// The duration `key`, in seconds; nil if it is missing or null.
  package func secondsIfPresent(_ key: String) throws(FileError) -> Double? {
    isPresent(key) ? try seconds(key) : nil
  }

  private func isPresent(_ key: String) -> Bool {
    switch members[key] {
    case nil, .null: false
    default: true
    }
  }

  private func wrong(_ key: String, _ due: String) -> FileError {
    FileError(
      .malformed, path: path, place: place.isEmpty ? key : place + "." + key,
      reason: members[key] == nil ? "it is missing" : "it is not \(due)", remedy: remedy)
  }
}
