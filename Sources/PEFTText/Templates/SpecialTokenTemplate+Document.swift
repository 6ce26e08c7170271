import PEFTRuntime

extension SpecialTokenTemplate {
  /// The template that `post_processor` defines, with the names of `convention`; nil if it does not
  /// define one.
  static func stated(
    by processor: Component, convention: SpecialTokenTemplate
  ) throws(FileError) -> SpecialTokenTemplate? {
    guard processor.value != .null else { return nil }
    var parts = [processor.value]
    if processor.value["type"] == .string("Sequence") {
      guard let list = processor.value["processors"]?.array else {
        throw processor.malformed("processors is not a list")
      }
      parts = list
    }
    var template: SpecialTokenTemplate?
    // ByteLevel does not change the tokens.
    for part in parts where part["type"] != .string("ByteLevel") {
      guard template == nil else { throw processor.unsupported("a template around another") }
      let part = Component(
        value: part, place: processor.place, path: processor.path, table: processor.table)
      template = try convention.with(part)
    }
    return template
  }

  private func with(_ part: Component) throws(FileError) -> SpecialTokenTemplate {
    var template = self
    switch part.value["type"]?.string {
    case "RobertaProcessing":
      let (begin, end) = try Self.ends(part)
      template.single = [begin, .first(type: 0), end]
      template.pair = [begin, .first(type: 0), end, end, .second(type: 0), end]
    case "BertProcessing":
      let (begin, end) = try Self.ends(part)
      template.single = [begin, .first(type: 0), end]
      template.pair = [begin, .first(type: 0), end, .second(type: 1), Self.typed(end, 1)]
    case "TemplateProcessing":
      template.single = try Self.parts("single", of: part)
      // An early file may not define pairs.
      template.pair =
        part.isPresent("pair")
        ? try Self.parts("pair", of: part)
        : template.single == single ? pair : [.first(type: 0), .second(type: 1)]
      guard Self.isWhole(template.single, template.pair) else {
        throw part.unsupported("a template that does not have each text once")
      }
    case let type:
      throw part.unsupported(type.map { "\"\($0)\"" } ?? part.value.text())
    }
    return template
  }

  /// The tokens `cls` and `sep` of a component.
  private static func ends(_ part: Component) throws(FileError) -> (begin: Part, end: Part) {
    guard let begin = part.value["cls"]?.array?.first?.string,
      let end = part.value["sep"]?.array?.first?.string
    else { throw part.malformed("cls or sep is not a token and its id") }
    return (.special(begin, type: 0), .special(end, type: 0))
  }

  private static func typed(_ part: Part, _ type: Int32) -> Part {
    if case .special(let token, _) = part { .special(token, type: type) } else { part }
  }

  private static func parts(_ key: String, of component: Component) throws(FileError) -> [Part] {
    guard let list = component.value[key]?.array else {
      throw component.malformed("\(key) is not a list")
    }
    var parts: [Part] = []
    for entry in list {
      let content = entry["Sequence"] ?? entry["SpecialToken"]
      guard let name = content?["id"]?.string,
        let type = (content?["type_id"]?.integer ?? 0).exactInt32, type >= 0
      else { throw component.malformed("\(key) has a part without id or token type") }
      switch (entry["Sequence"] != nil, name) {
      case (true, "A"): parts.append(.first(type: type))
      case (true, "B"): parts.append(.second(type: type))
      case (true, _): throw component.malformed("\(key) has a text that is neither A nor B")
      case (false, _):
        // One name may represent several tokens.
        let tokens = component.value["special_tokens"]?[name]?["tokens"]?.array
        parts += (tokens?.compactMap(\.string) ?? [name]).map { .special($0, type: type) }
      }
    }
    return parts
  }
}

extension Int {
  fileprivate var exactInt32: Int32? { Int32(exactly: self) }
}
