extension JSONValue {
  /// The document as text without white space; `pretty` puts each member on its own line.
  ///
  /// JSON cannot express a number that is not finite; such a number is written as `null`.
  public func text(pretty: Bool = false) -> String {
    var output = ""
    write(to: &output, indentation: pretty ? 0 : nil)
    return output
  }

  private func write(to output: inout String, indentation: Int?) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .integer(let value): output += String(value)
    case .number(let value): output += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.write(value, to: &output)
    case .array(let elements):
      Self.write(elements, open: "[", close: "]", to: &output, indentation: indentation) {
        $0.write(to: &$1, indentation: $2)
      }
    case .object(let object):
      Self.write(
        Array(object.members), open: "{", close: "}", to: &output, indentation: indentation
      ) { member, output, indentation in
        Self.write(member.key, to: &output)
        output += indentation == nil ? ":" : ": "
        member.value.write(to: &output, indentation: indentation)
      }
    }
  }

  private static func write<Item>(
    _ items: [Item], open: String, close: String, to output: inout String, indentation: Int?,
    item write: (Item, inout String, Int?) -> Void
  ) {
    output += open
    let inner = indentation.map { $0 + 2 }
    for (index, item) in items.enumerated() {
      if index > 0 { output += "," }
      if let inner { output += "\n" + String(repeating: " ", count: inner) }
      write(item, &output, inner)
    }
    if let indentation, !items.isEmpty {
      output += "\n" + String(repeating: " ", count: indentation)
    }
    output += close
  }

  private static func write(_ string: String, to output: inout String) {
    output += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}
