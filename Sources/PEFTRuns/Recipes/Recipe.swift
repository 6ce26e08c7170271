import PEFTModels
import PEFTTensor

/// Everything that determines a result: options, and digests of files. Equal recipes give equal
/// results.
///
/// A recipe is a JSON object. It is stored in `run.json`, `checkpoint.json`, `influence.json`,
/// `pretraining.json` and the results of a suite, so that a resumed job can tell whether it is
/// still the same job. Every value is explicit JSON: a choice between cases is an object with the
/// name of the case, and options that are not set are omitted.
package enum Recipe {
  /// The key of the version.
  package static let versionKey = "version"
  /// The version of the format that is written. Version 1 had no version number; see
  /// `RecipeVersion1`.
  package static let version = 2

  /// The key of the parameters that decay.
  package static let decayScopeKey = "weightDecayOn"

  /// The key of the files from which the tokenizer is read in addition to those that have keys of
  /// their own.
  package static let tokenizerFilesKey = "tokenizerFiles"

  /// The digests of the files of a model from which configuration, tokenizer and template are read,
  /// as a recipe has them.
  package static func members(of files: ModelFiles) throws(FileError) -> JSONObject {
    let digests = try files.settingDigests()
    let ownKeys =
      [ModelFiles.configurationName, "tokenizer.json", "vocab.json", "merges.txt", "vocab.txt"]
      + (files.has("tokenizer.json") ? [] : [ModelFiles.tokenizerSettingsName])
    var members = JSONObject()
    for name in ownKeys { members[name] = digests[name].map { .string($0) } }
    var others = JSONObject()
    for name in files.namesRead.sorted() where !ownKeys.contains(name) {
      others[name] = digests[name].map { .string($0) }
    }
    members[tokenizerFilesKey] = .object(others)
    return members
  }

  /// Throws `malformed` if the recipe `found` in the file at `path` differs from `wanted`, and
  /// names the first difference. A recipe of an earlier version is translated first.
  package static func check(
    _ found: JSONObject, is wanted: JSONObject, path: String
  ) throws(FileError) {
    var found = asRead(try current(found, path: path))
    // Everything decayed before this was a choice. Such a job is still the same, and its states
    // continue as they began; see `AdamW.state`.
    if found["weightDecay"] != nil, found[decayScopeKey] == nil {
      found[decayScopeKey] = wanted[decayScopeKey]
    }
    // Earlier recipes do not say which of these there were. They were read then as now, but for the
    // template for conversations.
    if found[tokenizerFilesKey] == nil, var files = wanted[tokenizerFilesKey]?.object {
      files[ModelFiles.chatTemplateName] = nil
      found[tokenizerFilesKey] = .object(files)
    }
    guard let difference = firstDifference(found, asRead(wanted)) else { return }
    let setting = setting(at: difference.place)
    throw FileError(
      .malformed, path: path, place: difference.place,
      reason: "the run was started with " + (setting.map { "`\($0)` " } ?? "")
        + "\(text(difference.found)), and now it is \(text(difference.wanted))",
      remedy: "use the options and files it was started with, or start again with `overwrite`"
        + (difference.place.hasPrefix("length")
          ? "; to train further, export the run and train on the export" : ""))
  }

  /// A recipe in the current format.
  ///
  /// Throws `malformed` for a recipe of version 1 that cannot be translated, and `unsupported` for
  /// one of a later version.
  private static func current(
    _ recipe: JSONObject, path: String
  ) throws(FileError) -> JSONObject {
    guard let number = recipe[versionKey] else {
      return try RecipeVersion1.translated(recipe, path: path)
    }
    guard number.integer == version else {
      throw FileError(
        .unsupported, path: path, place: versionKey,
        reason: "a recipe of version \(number.text()), and this is version \(version)",
        remedy: "use the version of peft that wrote it, or begin again with `overwrite`")
    }
    return recipe
  }

  /// A recipe as it would be after a round trip through a file.
  private static func asRead(_ recipe: JSONObject) -> JSONObject {
    (try? JSONValue(parsing: JSONValue.object(recipe).text().utf8))?.object ?? recipe
  }

  private typealias Difference = (place: String, found: JSONValue?, wanted: JSONValue?)

  /// The path of the first member that differs, descending into objects that have keys in common;
  /// nil if none differs.
  private static func firstDifference(
    _ found: JSONObject, _ wanted: JSONObject, in place: String = ""
  ) -> Difference? {
    for key in found.keys + wanted.keys where found[key] != wanted[key] {
      guard let inner = found[key]?.object, let other = wanted[key]?.object,
        !Set(inner.keys).isDisjoint(with: other.keys)
      else { return (place + key, found[key], wanted[key]) }
      // Objects with the same members in another order are equal.
      if let difference = firstDifference(inner, other, in: place + key + ".") {
        return difference
      }
    }
    return nil
  }

  private static func text(_ value: JSONValue?) -> String {
    let text = value?.text() ?? "nothing"
    return text.count > 100 ? text.prefix(100) + "…" : text
  }
}
