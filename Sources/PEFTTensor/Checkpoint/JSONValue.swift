/// A JSON document (RFC 8259) as a value.
///
/// Objects keep the order of their members. Numbers keep their exact integer where they have one.
public enum JSONValue: Hashable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number without fraction and exponent that fits 64 bits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object, its members in the order of the file, no key twice.
  case object(JSONObject)
}

/// The members of a JSON object in the order of the file, with look-up by key in O(1).
///
/// Keys are the same when their UTF-8 bytes are, as RFC 8259 advises; `String` would also take two
/// spellings of one accented letter for the same.
public struct JSONObject: Hashable, Sendable {
  /// The keys in the order of the file.
  public private(set) var keys: [String] = []
  private var values: [UTF8Key: JSONValue] = [:]

  /// An object without members.
  public init() {}

  /// The number of members.
  public var count: Int { keys.count }

  /// The value of `key`; assigning to a new key appends it, assigning nil removes it.
  public subscript(key: String) -> JSONValue? {
    get { values[UTF8Key(key)] }
    set {
      if let newValue {
        if values.updateValue(newValue, forKey: UTF8Key(key)) == nil { keys.append(key) }
      } else if values.removeValue(forKey: UTF8Key(key)) != nil {
        keys.removeAll { UTF8Key($0) == UTF8Key(key) }
      }
    }
  }

  /// The members in the order of the file.
  public var members: some Sequence<(key: String, value: JSONValue)> {
    keys.lazy.compactMap { key in values[UTF8Key(key)].map { (key, $0) } }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// An object with `elements` in their order.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (key, value) in elements { self[key] = value }
  }
}

extension JSONValue {
  /// The integer, if this is one.
  public var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// The number as a Double, if this is an integer or a number.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The string, if this is one.
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The truth value, if this is one.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The elements, if this is an array.
  public var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members, if this is an object.
  public var object: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The member `key`, if this is an object that has it.
  public subscript(key: String) -> JSONValue? { object?[key] }
}
