import PEFTTensor

/// Typed access to the members of a `config.json`, with errors that name the key.
public struct ConfigurationReader {
  let members: JSONObject
  /// The path of the file, used in messages.
  public let path: String
  /// The path from the top of the file to these members, such as `rope_scaling.`.
  var outer = ""

  /// The largest extent that is accepted. No published model comes near it, and it keeps products
  /// in range.
  private static let largestCount = 1 << 24

  /// Reads a string.
  public func string(_ key: String, default fallback: String? = nil) throws(FileError) -> String {
    guard let value = present(key) else {
      guard let fallback else { throw missing(key) }
      return fallback
    }
    guard let string = value.string else { throw wrongType(key, "a string") }
    return string
  }

  /// Reads a positive integer.
  public func count(_ key: String) throws(FileError) -> Int {
    guard let value = present(key) else { throw missing(key) }
    guard let count = value.integer, (1...Self.largestCount).contains(count) else {
      throw wrongType(key, "a positive integer of at most \(Self.largestCount)")
    }
    return count
  }

  /// Reads a positive integer; nil if the key is missing.
  public func optionalCount(_ key: String) throws(FileError) -> Int? {
    present(key) == nil ? nil : try count(key)
  }

  /// Reads a positive integer; `fallback` if the key is absent, and nil if its value is null.
  func optionalCount(_ key: String, absent fallback: Int?) throws(FileError) -> Int? {
    members[key] == nil ? fallback : try optionalCount(key)
  }

  /// Reads a list of strings; nil if the key is missing.
  func strings(_ key: String) throws(FileError) -> [String]? {
    guard let value = present(key) else { return nil }
    let strings = value.array?.compactMap(\.string)
    guard let strings, strings.count == value.array?.count else {
      throw wrongType(key, "a list of strings")
    }
    return strings
  }

  /// Reads a non-negative integer; nil if the key is missing.
  public func optionalIndex(_ key: String) throws(FileError) -> Int? {
    present(key) == nil ? nil : try index(key, default: 0)
  }

  /// Reads an activation, named as in transformers.
  public func activation(_ key: String, default fallback: String) throws(FileError) -> Activation {
    let name = try string(key, default: fallback)
    switch name {
    case "gelu", "gelu_python": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate":
      return .geluTanh
    case "silu", "swish": return .silu
    case "relu": return .relu
    case "tanh": return .tanh
    default:
      throw FileError(
        .unsupported, path: path, place: outer + key,
        reason: "the activation \"\(name)\" is not supported",
        remedy:
          "use a model with gelu, gelu_new, silu, relu or tanh, or another name of one of them")
    }
  }

  /// Reads a non-negative integer.
  public func index(_ key: String, default fallback: Int) throws(FileError) -> Int {
    guard let value = present(key) else { return fallback }
    guard let index = value.integer, (0...Self.largestCount).contains(index) else {
      throw wrongType(key, "a non-negative integer")
    }
    return index
  }

  /// Reads a number in 0 ..< 1.
  public func fraction(_ key: String, default fallback: Double) throws(FileError) -> Double {
    try optionalFraction(key) ?? fallback
  }

  /// Reads a number in 0 ..< 1; nil if the key is missing.
  public func optionalFraction(_ key: String) throws(FileError) -> Double? {
    guard let value = present(key) else { return nil }
    guard let number = value.double, (0..<1).contains(number) else {
      throw wrongType(key, "a number from 0 to 1, 1 excluded")
    }
    return number
  }

  /// Reads a positive number.
  public func positive(_ key: String, default fallback: Double? = nil) throws(FileError) -> Double {
    guard let value = present(key) else {
      guard let fallback else { throw missing(key) }
      return fallback
    }
    guard let number = value.double, number > 0, number.isFinite else {
      throw wrongType(key, "a positive number")
    }
    return number
  }

  /// Reads a Boolean.
  public func flag(_ key: String, default fallback: Bool) throws(FileError) -> Bool {
    guard let value = present(key) else { return fallback }
    guard let flag = value.bool else { throw wrongType(key, "true or false") }
    return flag
  }

  /// Reads a non-negative integer, or the first of a list of them; nil if the key is missing or the
  /// list is empty.
  public func firstIndex(_ key: String) throws(FileError) -> Int? {
    guard let list = present(key)?.array else { return try optionalIndex(key) }
    guard let first = list.first else { return nil }
    guard let index = first.integer, (0...Self.largestCount).contains(index) else {
      throw wrongType(key, "a non-negative integer, or a list of them")
    }
    return index
  }

  /// Reads the members of an object; nil if the key is missing.
  public func object(_ key: String) throws(FileError) -> ConfigurationReader? {
    guard let value = present(key) else { return nil }
    guard let members = value.object else { throw wrongType(key, "an object") }
    return ConfigurationReader(members: members, path: path, outer: outer + key + ".")
  }

  /// Rejects a feature: the key must be missing or null, or have this value.
  public func refuse(_ key: String, unless allowed: JSONValue) throws(FileError) {
    guard let value = present(key), value != allowed else { return }
    throw FileError(
      .unsupported, path: path, place: outer + key,
      reason: "\(value.text()) is not supported, only \(allowed.text())",
      remedy: "use a model without this feature")
  }

  /// The names in `id2label` by their number; nil if the key is missing. Labels that were integers
  /// in the data may be numbers here.
  public func labels() throws(FileError) -> [String]? {
    guard let value = present("id2label") else { return nil }
    guard let object = value.object else { throw wrongType("id2label", "an object") }
    var names: [String] = []
    for index in 0..<object.count {
      let value = object["\(index)"]
      guard let name = value?.string ?? value?.integer.map(String.init) else {
        throw wrongType(
          "id2label", "an object that names each of the keys 0 to \(object.count - 1)")
      }
      names.append(name)
    }
    return names
  }

  private func present(_ key: String) -> JSONValue? {
    guard let value = members[key], value != .null else { return nil }
    return value
  }

  private func missing(_ key: String) -> FileError {
    FileError(
      .malformed, path: path, place: outer + key, reason: "the key is missing",
      remedy: "use the config.json that came with the weights")
  }

  private func wrongType(_ key: String, _ wanted: String) -> FileError {
    FileError(
      .malformed, path: path, place: outer + key,
      reason: "expected \(wanted), found \(members[key]?.text() ?? "nothing")")
  }
}

extension Activation {
  /// The usual name in transformers.
  var usualName: String {
    switch self {
    case .gelu: "gelu"
    case .geluTanh: "gelu_new"
    case .tanh: "tanh"
    case .silu: "silu"
    case .relu: "relu"
    }
  }
}
