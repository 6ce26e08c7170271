import PEFTRuntime

/// The special tokens of a class, with those that the settings put in their place.
extension TokenizerSettings {
  /// The tokens that are recognised in a text: those with ids, those that the settings name, and
  /// the usual ones of the class that the vocabulary has.
  func addedTokens(
    of kind: TokenizerClass, in vocabulary: Vocabulary
  ) throws(FileError) -> [AddedTokens.Token] {
    var special: [AddedTokens.Token] = []
    for role in Self.roles {
      if var token = try token(role) {
        if kind.stripsBeforeMask, role == "mask_token", settings[role]?.value.string != nil {
          token.stripsLeft = true
        }
        special.append(token)
      } else if settings[role] == nil, kind.recognizesUsualTokens, let usual = kind.tokens[role],
        vocabulary.id(of: usual) != nil
      {
        special.append(
          AddedTokens.Token(
            content: usual, stripsLeft: kind.stripsBeforeMask && role == "mask_token",
            isSpecial: true))
      }
    }
    special += try specialTokens()
    let specialNames = Set(special.map(\.content))
    var tokens: [AddedTokens.Token] = []
    // Tokens are compared by bytes.
    var seen: Set<[UInt8]> = []
    for var token in numbered + special where seen.insert(Array(token.content.utf8)).inserted {
      token.isSpecial = token.isSpecial || specialNames.contains(token.content)
      tokens.append(token)
    }
    return tokens
  }

  /// The template of a class. A special token that the settings say not to exist is rejected if the
  /// class puts it around a text.
  func template(of kind: TokenizerClass) throws(FileError) -> SpecialTokenTemplate {
    func name(_ role: String) throws(FileError) -> String? {
      try self.name(role, usual: kind.tokens[role])
    }
    func required(_ role: String) throws(FileError) -> String {
      guard let name = try name(role) else {
        throw malformed(role, "\(kind.name) puts this token around a text")
      }
      return name
    }
    switch kind.layout {
    case .bert, .roberta:
      let (begin, end) = (try required("cls_token"), try required("sep_token"))
      let single: [SpecialTokenTemplate.Part] = [
        .special(begin, type: 0), .first(type: 0), .special(end, type: 0),
      ]
      let second: [SpecialTokenTemplate.Part] =
        if case .bert = kind.layout {
          [.second(type: 1), .special(end, type: 1)]
        } else {
          [.special(end, type: 0), .second(type: 0), .special(end, type: 0)]
        }
      return SpecialTokenTemplate(
        begin: begin, end: end, padding: try name("pad_token"), unknown: try name("unk_token"),
        mask: try name("mask_token"), single: single, pair: single + second)
    case .bare:
      // A class adds no token that does not exist.
      let begin = try flag("add_bos_token", default: false) ? name("bos_token") : nil
      let end = try flag("add_eos_token", default: false) ? name("eos_token") : nil
      func parts(_ text: SpecialTokenTemplate.Part, _ type: Int32) -> [SpecialTokenTemplate.Part] {
        (begin.map { [.special($0, type: type)] } ?? []) + [text]
          + (end.map { [.special($0, type: type)] } ?? [])
      }
      let padding = try token("pad_token")?.content
      guard begin != nil || end != nil else {
        return SpecialTokenTemplate(end: try name("eos_token"), padding: padding)
      }
      return SpecialTokenTemplate(
        begin: begin, end: try name("eos_token"), padding: padding,
        single: parts(.first(type: 0), 0),
        pair: parts(.first(type: 0), 0) + parts(.second(type: 1), 1))
    case .convention(let template):
      for role in Self.roles where settings[role] != nil && kind.tokens[role] != nil {
        guard try token(role)?.content == kind.tokens[role] else {
          throw FileError(
            .unsupported, path: settings[role]?.path ?? "", place: role,
            reason: "the token has another name than \(kind.name)'s", remedy: Self.classRemedy)
        }
      }
      for (role, isThere) in [
        ("add_bos_token", template.countBefore > 0), ("add_eos_token", template.countBehind > 0),
      ] {
        guard try flag(role, default: isThere) != isThere else { continue }
        throw FileError(
          .unsupported, path: settings[role]?.path ?? "", place: role,
          reason: "it is \(!isThere), which \(kind.name) does not allow",
          remedy: Self.classRemedy)
      }
      return template
    }
  }

  private static let classRemedy =
    "convert the tokenizer to a tokenizer.json with transformers and put that beside it"
}
