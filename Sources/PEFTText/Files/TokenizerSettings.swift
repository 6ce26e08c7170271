import PEFTRuntime

/// The settings beside a tokenizer's tables.
///
/// They are those of `tokenizer_config.json`. Beside tables other than `tokenizer.json` they are
/// also those of `special_tokens_map.json` and `added_tokens.json`, unless `tokenizer_config.json`
/// lists the added tokens itself. This is the order of transformers.
struct TokenizerSettings {
  /// The value of a setting, and the file that states it.
  struct Setting {
    let value: JSONValue
    let path: String
  }

  /// The settings by their names.
  private(set) var settings: [String: Setting] = [:]
  /// The names of the settings in the order of the files.
  private(set) var names: [String] = []
  /// The names of the files that exist.
  private(set) var files: [String] = []
  /// The added tokens whose ids the files state, in the order of these ids.
  private(set) var numbered: [AddedTokens.Token] = []
  /// The model's configuration, if the directory has a readable one.
  let configuration: JSONValue?
  /// The path of the model's configuration.
  let configurationPath: String

  /// The roles of special tokens, in the order in which transformers numbers new tokens.
  static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  private static let lists = ["additional_special_tokens", "extra_special_tokens"]

  /// Reads the settings in `source`.
  init(_ source: TokenizerFiles) throws(FileError) {
    // Whoever reads the model reports an unreadable configuration.
    configuration = try? source.configuration.document(TokenizerFiles.configurationName)
    configurationPath = source.configuration.path(TokenizerFiles.configurationName)
    try merge(TokenizerFiles.settingsName, of: source.files)
    if let list = settings["added_tokens_decoder"], list.value != .null {
      for (key, value) in list.value.object?.members.map({ $0 }) ?? [] {
        guard let id = Int32(key), let token = Self.token(value, id: id), id >= 0 else {
          throw malformed("added_tokens_decoder", "\"\(key)\" is not an id with a token")
        }
        numbered.append(token)
      }
      guard list.value.object != nil else {
        throw malformed("added_tokens_decoder", "it is not an object of ids and tokens")
      }
    } else if source.tables != ["tokenizer.json"] {
      try merge(TokenizerFiles.mapName, of: source.files)
      numbered = try Self.numberedTokens(source.files, special: Set(specialTokens().map(\.content)))
      if source.files.has(TokenizerFiles.addedName) { files.append(TokenizerFiles.addedName) }
    }
    numbered.sort { ($0.id ?? 0) < ($1.id ?? 0) }
  }

  /// The tokens of `added_tokens.json`.
  private static func numberedTokens(
    _ files: SmallFiles, special: Set<String>
  ) throws(FileError) -> [AddedTokens.Token] {
    guard let document = try files.document(TokenizerFiles.addedName) else { return [] }
    var tokens: [AddedTokens.Token] = []
    for (content, value) in document.object?.members.map({ $0 }) ?? [] {
      guard !content.isEmpty, let id = value.integer.flatMap(Int32.init(exactly:)), id >= 0 else {
        throw FileError(
          .malformed, path: files.path(TokenizerFiles.addedName), place: "token \"\(content)\"",
          reason: "its id is not a number of 0 or more", remedy: remedy)
      }
      let isSpecial = special.contains(content)
      tokens.append(
        AddedTokens.Token(
          content: content, id: id, isNormalized: !isSpecial, isSpecial: isSpecial))
    }
    guard document.object != nil else {
      throw FileError(
        .malformed, path: files.path(TokenizerFiles.addedName),
        reason: "it is not an object of tokens and ids", remedy: remedy)
    }
    return tokens
  }

  /// Adds the settings of a file. They replace those of earlier files, but lists of tokens are
  /// joined.
  private mutating func merge(_ name: String, of files: SmallFiles) throws(FileError) {
    guard let document = try files.document(name) else { return }
    let path = files.path(name)
    guard let object = document.object else {
      throw FileError(
        .malformed, path: path, reason: "it is not a JSON object", remedy: Self.remedy)
    }
    self.files.append(name)
    for (key, value) in object.members {
      var value = value
      if let earlier = settings[key] {
        if Self.lists.contains(key), let first = earlier.value.array, let more = value.array {
          value = .array(first + more)
        }
      } else {
        names.append(key)
      }
      settings[key] = Setting(value: value, path: path)
    }
  }

  /// The token that a file states as a string or as an object; nil for anything else.
  private static func token(_ value: JSONValue, id: Int32? = nil) -> AddedTokens.Token? {
    if let content = value.string {
      return content.isEmpty ? nil : AddedTokens.Token(content: content, id: id, isSpecial: true)
    }
    guard let content = value["content"]?.string, !content.isEmpty else { return nil }
    func flag(_ name: String) -> Bool { value[name]?.bool ?? false }
    return AddedTokens.Token(
      content: content, id: id, stripsLeft: flag("lstrip"), stripsRight: flag("rstrip"),
      isWholeWord: flag("single_word"),
      isNormalized: value["normalized"]?.bool ?? !flag("special"), isSpecial: flag("special"))
  }

  /// Whether a setting names a special token.
  static func isToken(_ name: String, _ value: JSONValue) -> Bool {
    name.hasSuffix("_token") && (value.string != nil || value["content"] != nil)
      || roles.contains(name)
  }

  /// The token that the settings name for `role`, which is special; nil if they name none.
  func token(_ role: String) throws(FileError) -> AddedTokens.Token? {
    guard let setting = settings[role], setting.value != .null, setting.value != .string("") else {
      return nil
    }
    guard var token = Self.token(setting.value) else {
      throw malformed(role, "it is not a token")
    }
    // In a list of special tokens alone, a token is special whether or not the file says so.
    if setting.value["normalized"] == nil { token.isNormalized = false }
    token.isSpecial = true
    return token
  }

  /// The name of the token of `role`: that of the settings, nil if they say that there is none,
  /// else the usual one.
  func name(_ role: String, usual: String?) throws(FileError) -> String? {
    try settings[role] == nil ? usual : token(role)?.content
  }

  /// All special tokens that the settings name, in the order in which transformers numbers them.
  func specialTokens() throws(FileError) -> [AddedTokens.Token] {
    var tokens: [AddedTokens.Token] = []
    for role in Self.roles { if let token = try token(role) { tokens.append(token) } }
    for name in names where !Self.roles.contains(name) {
      guard let setting = settings[name] else { continue }
      if Self.isToken(name, setting.value), let token = try token(name) { tokens.append(token) }
      guard name == "extra_special_tokens", let object = setting.value.object else { continue }
      for value in object.members.map(\.value) {
        guard var token = Self.token(value) else { throw malformed(name, "it has no token") }
        token.isSpecial = true
        tokens.append(token)
      }
    }
    for name in Self.lists { tokens += try listedTokens(name) }
    return tokens
  }

  /// The special tokens in the list `name`.
  private func listedTokens(_ name: String) throws(FileError) -> [AddedTokens.Token] {
    guard let setting = settings[name], setting.value != .null else { return [] }
    guard let list = setting.value.array else {
      if setting.value.object != nil, name == "extra_special_tokens" { return [] }
      throw malformed(name, "it is not a list of tokens")
    }
    var tokens: [AddedTokens.Token] = []
    for value in list {
      guard var token = Self.token(value) else {
        throw malformed(name, "\(value.text()) is not a token")
      }
      if value["normalized"] == nil { token.isNormalized = false }
      token.isSpecial = true
      tokens.append(token)
    }
    return tokens
  }

  /// Throws if a list of added tokens has one that a `tokenizer.json` lacks. The reference would
  /// add it.
  func checkTokens(in vocabulary: Vocabulary) throws(FileError) {
    var lists = [("added_tokens_decoder", numbered)]
    for name in Self.lists { lists.append((name, try listedTokens(name))) }
    for (name, tokens) in lists {
      guard let token = tokens.first(where: { vocabulary.id(of: $0.content) == nil }) else {
        continue
      }
      throw FileError(
        .unsupported, path: settings[name]?.path ?? "", place: name,
        reason: "it has \"\(token.content)\", which tokenizer.json next to it lacks",
        remedy: "save the tokenizer again with transformers, so that both have the same tokens")
    }
  }

  /// The Boolean setting `name`; the default if it is missing or null.
  func flag(_ name: String, default usual: Bool) throws(FileError) -> Bool {
    guard let value = settings[name]?.value, value != .null else { return usual }
    guard let flag = value.bool else { throw malformed(name, "it is not true or false") }
    return flag
  }

  /// Whether a text that is too long loses its beginning; nil if the settings do not say.
  func truncatesLeft() throws(FileError) -> Bool? {
    guard let value = settings["truncation_side"]?.value, value != .null else { return nil }
    guard value == .string("left") || value == .string("right") else {
      throw malformed("truncation_side", "it is neither \"left\" nor \"right\"")
    }
    return value == .string("left")
  }

  /// An error that says that a setting does not conform to the format.
  func malformed(_ name: String, _ reason: String) -> FileError {
    FileError(
      .malformed, path: settings[name]?.path ?? "", place: name, reason: reason,
      remedy: Self.remedy)
  }

  private static let remedy = "use the file that came with the model"
}
