import Foundation
import PEFTTensor

/// The settings of some layers in `adapter_config.json`, such as `alpha_pattern`, as PEFT reads
/// them.
///
/// A key K is a regular expression. It belongs to the layers whose names `(.*\.)?(K)$` matches from
/// their beginning: `query` belongs to every `….query`, and `^…` to a full name alone. If several
/// keys match a name, the first of them decides.
struct ModulePatterns: Sendable {
  /// A regular expression for names, and the value of the layers that it matches.
  private struct Pattern: Sendable {
    let expression: NSRegularExpression
    let value: Double
  }

  private let patterns: [Pattern]

  /// No patterns.
  init() { patterns = [] }

  /// Reads the object at `key`, whose values are numbers; no patterns if it is missing or null.
  ///
  /// Errors: `malformed` if a key is not a regular expression, or a value not a number.
  init(_ key: String, of configuration: AdapterConfiguration) throws(FileError) {
    func malformed(_ reason: String) -> FileError {
      FileError(
        .malformed, path: configuration.path, place: key, reason: reason,
        remedy: "use the file that PEFT wrote")
    }
    guard let object = (configuration[key] ?? .object([:])).object else {
      throw malformed("it is not a JSON object")
    }
    var patterns: [Pattern] = []
    for (name, value) in object.members {
      guard let number = value.double, number.isFinite else {
        throw malformed("the value of \"\(name)\" is not a number")
      }
      guard
        let expression = try? NSRegularExpression(pattern: "(.*\\.)?(\(Self.translated(name)))$")
      else { throw malformed("\"\(name)\" is not a regular expression") }
      patterns.append(Pattern(expression: expression, value: number))
    }
    self.patterns = patterns
  }

  /// The value of the layer called `name`; nil if no pattern matches it.
  func value(of name: String) -> Double? {
    let whole = NSRange(location: 0, length: name.utf16.count)
    return patterns.first {
      $0.expression.firstMatch(in: name, options: .anchored, range: whole) != nil
    }?.value
  }

  /// Python's spelling of named groups and of the end of a text in that of `NSRegularExpression`,
  /// whose names of groups are only letters and digits.
  private static func translated(_ pattern: String) -> String {
    var names: [Substring] = []
    return pattern.replacing("\\Z", with: "\\z").replacing(#/\(\?P([<=])(\w+)[>)]/#) { match in
      let number = names.firstIndex(of: match.2) ?? names.count
      if number == names.count { names.append(match.2) }
      return match.1 == "<" ? "(?<g\(number)>" : "\\k<g\(number)>"
    }
  }
}
