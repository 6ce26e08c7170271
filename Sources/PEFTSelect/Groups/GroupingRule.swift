/// A rule that divides parameters into groups that are trained or frozen together.
public enum GroupingRule: Hashable, Sendable {
  /// One group for each kind.
  case kind
  /// One group for each kind in each layer. Parameters outside the layers are grouped by place and
  /// kind.
  case kindByLayer
  /// One group for each tensor.
  case tensor
  /// One group for each row of every matrix (a neuron's incoming weights, or a word's vector).
  /// Vectors such as biases and norms are not divided.
  case row
  /// The groups in a user's file, in the order of the file. The head forms its own group and needs
  /// no pattern.
  case patterns([NamedPatterns])

  /// A named group of a user's file.
  public struct NamedPatterns: Hashable, Sendable {
    /// The group's name.
    public let name: String
    /// Patterns of tensor names, in which `*` matches any number of characters, including zero.
    public let patterns: [String]

    /// Creates a group of the tensors that match one of `patterns`.
    public init(name: String, patterns: [String]) {
      self.name = name
      self.patterns = patterns
    }

    /// Whether one of the patterns matches the whole of `name`.
    func matches(_ name: String) -> Bool {
      patterns.contains { GroupingRule.matches(Array($0.utf8)[...], Array(name.utf8)[...]) }
    }
  }

  /// The rule's name on the command line and in files: `kind`, `kind-layer`, `tensor`, `row` or
  /// `file`.
  public var name: String {
    switch self {
    case .kind: "kind"
    case .kindByLayer: "kind-layer"
    case .tensor: "tensor"
    case .row: "row"
    case .patterns: "file"
    }
  }

  /// Creates the rule called `name`; nil for `file`, which needs its patterns, and for unknown
  /// names.
  public init?(name: String) {
    guard
      let rule = [GroupingRule.kind, .kindByLayer, .tensor, .row].first(where: { $0.name == name })
    else { return nil }
    self = rule
  }

  /// Whether `pattern` matches the whole of `text`. The time is at most proportional to the product
  /// of their lengths, because matching backtracks only to the last star.
  private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
    let star = UInt8(ascii: "*")
    var (position, place) = (pattern.startIndex, text.startIndex)
    var retry: (pattern: Int, text: Int)?
    while place < text.endIndex {
      if position < pattern.endIndex, pattern[position] == star {
        retry = (position + 1, place)
        position += 1
      } else if position < pattern.endIndex, pattern[position] == text[place] {
        position += 1
        place += 1
      } else if let (after, from) = retry {
        retry = (after, from + 1)
        (position, place) = (after, from + 1)
      } else {
        return false
      }
    }
    return pattern[position...].allSatisfy { $0 == star }
  }
}

/// An error about groups that do not fit the model. The message names the group or the tensor.
public struct GroupingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A description of what is wrong and what would be valid.
  public let description: String
}
