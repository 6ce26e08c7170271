/// `text` in lower case by the full mappings of the Unicode standard, with its one condition that
/// does not depend on a language: a capital sigma at the end of a word becomes ς.
///
/// `String.lowercased()` maps every capital sigma to σ. Python's `str.lower`, which the reference
/// metrics call, follows the standard. O(length), except for texts that combine many sigmas with
/// long runs of case-ignorable characters.
package func lowercasing(_ text: String) -> String {
  let scalars = Array(text.unicodeScalars)
  var result = String.UnicodeScalarView()
  for (index, scalar) in scalars.enumerated() {
    if scalar == "\u{3A3}" {
      result.append(isFinal(index, in: scalars) ? "\u{3C2}" : "\u{3C3}")
    } else {
      result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
    }
  }
  return String(result)
}

/// Whether a cased letter precedes `index` and none follows it, ignoring case-ignorable characters.
private func isFinal(_ index: Int, in scalars: [Unicode.Scalar]) -> Bool {
  let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
  let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
  return before?.properties.isCased == true && after?.properties.isCased != true
}
