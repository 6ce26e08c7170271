import PEFTTensor

/// A setting of a method: its name, its meaning, and its form in JSON and in text.
public struct MethodField<Method>: Sendable {
  /// The name in JSON, recipes and suites, and on the command line.
  public let name: String
  /// A sentence that says what the setting is and which values it takes.
  public let help: String
  let json: @Sendable (Method) -> JSONValue
  /// Sets the setting from a JSON value. Returns false if the setting cannot take the value.
  let set: @Sendable (inout Method, JSONValue) -> Bool
  /// Converts a text to a JSON value, without checking it against the setting's range.
  let parse: @Sendable (String) -> JSONValue?
  /// Whether JSON leaves the setting out at its usual value.
  private(set) var isOmittedIfUsual = false

  /// Creates a setting with its own representation.
  ///
  /// - Parameters:
  ///   - set: sets the setting from a JSON value; returns false if the setting cannot take it.
  ///   - parse: converts a text to a JSON value.
  public init(
    name: String, help: String, json: @escaping @Sendable (Method) -> JSONValue,
    set: @escaping @Sendable (inout Method, JSONValue) -> Bool,
    parse: @escaping @Sendable (String) -> JSONValue?
  ) {
    (self.name, self.help, self.json, self.set, self.parse) = (name, help, json, set, parse)
  }

  /// The same setting, left out of JSON at its usual value. A method that gains such a setting
  /// reads and writes its earlier recipes as before.
  public var omittedIfUsual: Self {
    var field = self
    field.isOmittedIfUsual = true
    return field
  }

  /// The same setting for a method that contains a `Method` at `path`.
  public func inside<Outer>(
    _ path: any WritableKeyPath<Outer, Method> & Sendable
  ) -> MethodField<Outer> {
    let (json, set) = (json, set)
    let field = MethodField<Outer>(
      name: name, help: help, json: { json($0[keyPath: path]) },
      set: { set(&$0[keyPath: path], $1) }, parse: parse)
    return isOmittedIfUsual ? field.omittedIfUsual : field
  }

  /// Creates a setting that takes a whole number in `range`.
  public static func integer(
    _ name: String, _ path: any WritableKeyPath<Method, Int> & Sendable, in range: ClosedRange<Int>,
    help: String
  ) -> Self {
    Self(
      name: name, help: help, json: { .integer($0[keyPath: path]) },
      set: { method, value in
        guard let number = value.integer, range.contains(number) else { return false }
        method[keyPath: path] = number
        return true
      }, parse: { Int($0).map { .integer($0) } })
  }

  /// Creates a setting that takes a finite number for which `isValid` holds.
  public static func number(
    _ name: String, _ path: any WritableKeyPath<Method, Double> & Sendable, help: String,
    where isValid: @escaping @Sendable (Double) -> Bool
  ) -> Self {
    Self(
      name: name, help: help, json: { .number($0[keyPath: path]) },
      set: { method, value in
        guard let number = value.double, number.isFinite, isValid(number) else { return false }
        method[keyPath: path] = number
        return true
      }, parse: { Double($0).map { .number($0) } })
  }

  /// Creates a setting that takes one of some words.
  public static func word<Word: RawRepresentable<String> & Sendable>(
    _ name: String, _ path: any WritableKeyPath<Method, Word> & Sendable, help: String
  ) -> Self {
    Self(
      name: name, help: help, json: { .string($0[keyPath: path].rawValue) },
      set: { method, value in
        guard let word = value.string.flatMap(Word.init(rawValue:)) else { return false }
        method[keyPath: path] = word
        return true
      }, parse: { .string($0) })
  }

  /// Creates a setting that takes a list of names, separated by commas in text.
  public static func names(
    _ name: String, _ path: any WritableKeyPath<Method, [String]> & Sendable, help: String
  ) -> Self {
    Self(
      name: name, help: help, json: { .array($0[keyPath: path].map { .string($0) }) },
      set: { method, value in
        guard let names = Self.names(value) else { return false }
        method[keyPath: path] = names
        return true
      }, parse: Self.list)
  }

  /// Creates a setting that takes a list of names or nil, which is null in JSON. An empty text is
  /// an empty list.
  public static func names(
    _ name: String, _ path: any WritableKeyPath<Method, [String]?> & Sendable, help: String
  ) -> Self {
    Self(
      name: name, help: help,
      json: { $0[keyPath: path].map { .array($0.map { .string($0) }) } ?? .null },
      set: { method, value in
        guard value != .null else {
          method[keyPath: path] = nil
          return true
        }
        guard let names = Self.names(value) else { return false }
        method[keyPath: path] = names
        return true
      }, parse: Self.list)
  }

  /// The names in a JSON list; nil for anything else.
  private static func names(_ value: JSONValue) -> [String]? {
    guard let array = value.array else { return nil }
    let names = array.compactMap(\.string)
    return names.count == array.count && !names.contains("") ? names : nil
  }

  private static func list(_ text: String) -> JSONValue? {
    .array(text.split(separator: ",").map { .string(String($0)) })
  }
}

/// An error about a setting that a method does not have, or a value that it cannot take.
public struct MethodSettingError: Error, CustomStringConvertible {
  /// The name of the setting.
  public let setting: String
  /// A sentence that says what is wrong, without its full stop.
  public let description: String
}

extension AdaptationMethod {
  /// The settings, keyed by name, without those that are left out at their usual values.
  public var settings: JSONObject {
    var object = JSONObject()
    let usual = Self()
    for field in Self.fields {
      let value = field.json(self)
      if field.isOmittedIfUsual, value == field.json(usual) { continue }
      object[field.name] = value
    }
    return object
  }

  /// The names of the method's settings, with their meanings.
  public static var settingHelp: [(name: String, help: String)] {
    fields.map { ($0.name, $0.help) }
  }

  /// Sets the setting `name` from a JSON value.
  public mutating func set(_ name: String, _ value: JSONValue) throws(MethodSettingError) {
    let field = try Self.field(name)
    guard field.set(&self, value) else { throw Self.error(field, value.text()) }
  }

  /// Sets the setting `name` from a text such as `8` or `query,value`.
  public mutating func set(_ name: String, text: String) throws(MethodSettingError) {
    let field = try Self.field(name)
    guard let value = field.parse(text), field.set(&self, value) else {
      throw Self.error(field, text)
    }
  }

  private static func error(_ field: MethodField<Self>, _ value: String) -> MethodSettingError {
    MethodSettingError(setting: field.name, description: "\(value): \(field.help)")
  }

  private static func field(_ name: String) throws(MethodSettingError) -> MethodField<Self> {
    if let field = fields.first(where: { $0.name == name }) { return field }
    let known = fields.map(\.name).joined(separator: ", ")
    throw MethodSettingError(
      setting: name,
      description: fields.isEmpty
        ? "the method \(self.name) has no settings"
        : "the method \(self.name) has no such setting; it has \(known)")
  }
}
