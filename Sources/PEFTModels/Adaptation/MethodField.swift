import PEFTTensor

/// A setting of a method: its name, what it means, and its form in JSON and in text.
public struct MethodField<Method>: Sendable {
  /// The name in JSON, recipes, suites and on the command line.
  public let name: String
  /// What it is and which values it takes, in a sentence.
  public let help: String
  let json: @Sendable (Method) -> JSONValue
  /// Sets what a JSON value says; false where the setting cannot take it.
  let set: @Sendable (inout Method, JSONValue) -> Bool
  /// The JSON value that a text says, not yet checked against the setting's range.
  let parse: @Sendable (String) -> JSONValue?

  /// A setting with a form of its own.
  ///
  /// - Parameters:
  ///   - set: sets what a JSON value says; false where the setting cannot take it.
  ///   - parse: the JSON value that a text says.
  public init(
    name: String, help: String, json: @escaping @Sendable (Method) -> JSONValue,
    set: @escaping @Sendable (inout Method, JSONValue) -> Bool,
    parse: @escaping @Sendable (String) -> JSONValue?
  ) {
    (self.name, self.help, self.json, self.set, self.parse) = (name, help, json, set, parse)
  }

  /// The same setting of a method that has `Method` at `path` among its own.
  public func inside<Outer>(
    _ path: any WritableKeyPath<Outer, Method> & Sendable
  ) -> MethodField<Outer> {
    let (json, set) = (json, set)
    return MethodField<Outer>(
      name: name, help: help, json: { json($0[keyPath: path]) },
      set: { set(&$0[keyPath: path], $1) }, parse: parse)
  }

  /// A whole number in `range`.
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

  /// A finite number for which `isValid` holds.
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

  /// A list of names; in text they are separated by commas.
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

  /// A list of names, or nil, which is null in JSON; an empty text is an empty list.
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

  /// The names in a list of them; nil for anything else.
  private static func names(_ value: JSONValue) -> [String]? {
    guard let array = value.array else { return nil }
    let names = array.compactMap(\.string)
    return names.count == array.count && !names.contains("") ? names : nil
  }

  private static func list(_ text: String) -> JSONValue? {
    .array(text.split(separator: ",").map { .string(String($0)) })
  }
}

/// A setting that a method does not have, or a value that it cannot take.
public struct MethodSettingError: Error, CustomStringConvertible {
  /// The name of the setting.
  public let setting: String
  /// What is wrong, as a sentence without its full stop.
  public let description: String
}

extension AdaptationMethod {
  /// The settings by name.
  public var settings: JSONObject {
    var object = JSONObject()
    for field in Self.fields { object[field.name] = field.json(self) }
    return object
  }

  /// The settings that the method has: names, and what they mean.
  public static var settingHelp: [(name: String, help: String)] {
    fields.map { ($0.name, $0.help) }
  }

  /// Sets the setting `name` to what a JSON value says.
  public mutating func set(_ name: String, _ value: JSONValue) throws(MethodSettingError) {
    let field = try Self.field(name)
    guard field.set(&self, value) else { throw Self.error(field, value.text()) }
  }

  /// Sets the setting `name` to what a text says, as `8` or `query,value`.
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
