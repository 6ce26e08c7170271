import PEFTModels
import PEFTTensor

extension ModelFiles {
  /// How a model's files differ from those that something was made with.
  package struct Difference: Hashable, Sendable {
    /// The name of the first file that differs.
    let name: String
    /// What is different about it, as a clause.
    let reason: String
    /// Whether it holds weights.
    let isOfWeights: Bool
  }

  /// How these files differ from those whose digests were recorded; nil where they do not.
  ///
  /// Weights, configuration and tokenizer's files must be as they were, and none may have come that
  /// would be read. Earlier versions recorded the weights alone, and in the recipe of a run what is
  /// read besides them: where there are no others, those digests count.
  ///
  /// - Parameters:
  ///   - recorded: SHA-256 by the file's name.
  ///   - recipe: the recipe that was recorded with them.
  /// - Errors: those of `digests`.
  package func difference(
    from recorded: [String: String], recipe: JSONObject? = nil
  ) throws(FileError) -> Difference? {
    let settingNames = Set([Self.configurationName] + Self.tokenizerNames)
    let weights = recorded.filter { !settingNames.contains($0.key) }
    if let found = Self.difference(try weightDigests(), from: weights, isOfWeights: true) {
      return found
    }
    var settings = recorded.filter { settingNames.contains($0.key) }
    var names = namesRead
    if settings.isEmpty {
      for name in settingNames { settings[name] = recipe?[name]?.string }
      if settings.isEmpty { return nil }
      // A recipe is without it where there are no tables that it says how to read.
      if has("tokenizer.json") { names.removeAll { $0 == Self.tokenizerSettingsName } }
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
