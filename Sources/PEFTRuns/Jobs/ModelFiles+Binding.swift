import PEFTModels
import PEFTTensor

extension ModelFiles {
  /// A difference between a model's files and the recorded ones.
  package struct Difference: Hashable, Sendable {
    /// The name of the first file that differs.
    package let name: String
    /// The difference, as a clause.
    let reason: String
    /// Whether the file contains weights.
    let isOfWeights: Bool
  }

  /// The first difference between these files and the recorded digests; nil if they agree.
  ///
  /// Weights, configuration and tokenizer files must be unchanged, and no new file may exist that
  /// would be read. Earlier versions recorded only the weights, and put the digests of the other
  /// files into the recipe of a run. The recipe's digests apply if `recorded` has only weights.
  ///
  /// - Parameters:
  ///   - recorded: SHA-256 by file name.
  ///   - recipe: the recipe that was recorded with them.
  /// - Errors: those of `digests`.
  package func difference(
    from recorded: [String: String], recipe: JSONObject? = nil
  ) throws(FileError) -> Difference? {
    let settingNames = Set(
      [Self.configurationName, Self.chatTemplateName] + Self.tokenizerNames)
    let weights = recorded.filter { !settingNames.contains($0.key) }
    if let found = Self.difference(try weightDigests(), from: weights, isOfWeights: true) {
      return found
    }
    var settings = recorded.filter { settingNames.contains($0.key) }
    var names = namesRead
    // Versions that did not record the template for conversations did not read it either. A task
    // that uses one names it.
    if settings[Self.chatTemplateName] == nil { names.removeAll { $0 == Self.chatTemplateName } }
    if settings.isEmpty {
      for name in settingNames { settings[name] = recipe?[name]?.string }
      if settings.isEmpty { return nil }
      // A recipe omits the tokenizer's settings if there is a tokenizer.json, beside which they are
      // not read.
      if has("tokenizer.json") { names.removeAll { $0 == Self.tokenizerSettingsName } }
      // Versions that wrote such recipes did not read these files.
      names.removeAll { ["special_tokens_map.json", "added_tokens.json"].contains($0) }
    }
    let digests = try settingDigests().filter { settings[$0.key] != nil || names.contains($0.key) }
    return Self.difference(digests, from: settings, isOfWeights: false)
  }

  private static func difference(
    _ found: [String: String], from recorded: [String: String], isOfWeights: Bool
  ) -> Difference? {
    for name in Set(found.keys).union(recorded.keys).sorted() where found[name] != recorded[name] {
      let reason =
        switch (found[name], recorded[name]) {
        case (nil, _): "it existed then and is missing now"
        case (_, nil): "it did not exist then and would be read now"
        default: "it is another file now: its SHA-256 differs"
        }
      return Difference(name: name, reason: reason, isOfWeights: isOfWeights)
    }
    return nil
  }
}
