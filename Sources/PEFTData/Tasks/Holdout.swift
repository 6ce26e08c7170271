import PEFTTensor

/// How many training rows are held out as dev data.
public enum Holdout: Hashable, Sendable {
  /// A tenth of the rows, if there are at least `leastRows`; otherwise none.
  case auto
  /// A share of the rows, between 0 and 1.
  case share(Double)
  /// A number of rows, at least 1.
  case count(Int)

  /// The number of rows from which `auto` holds out a tenth.
  public static let leastRows = 50

  /// The holdout that `text` says: `auto`, a share such as `0.1` or `10%`, or a whole number of
  /// rows; nil for anything else.
  public init?(_ text: String) {
    if text == "auto" {
      self = .auto
    } else if let count = Int(text), count > 0 {
      self = .count(count)
    } else if let share = text.hasSuffix("%")
      ? Double(text.dropLast()).map({ $0 / 100 }) : Double(text), share > 0, share < 1
    {
      self = .share(share)
    } else {
      return nil
    }
  }

  /// `"auto"`, or the share or the number of rows as a number.
  package var json: JSONValue {
    switch self {
    case .auto: .string("auto")
    case .share(let share): .number(share)
    case .count(let count): .integer(count)
    }
  }

  /// The number of `rows` to hold out; 0 if they are too few.
  package func count(of rows: Int) -> Int {
    switch self {
    case .auto: rows < Self.leastRows ? 0 : Int((Double(rows) / 10).rounded())
    case .share(let share): rows < 2 ? 0 : max(1, Int((Double(rows) * share).rounded()))
    case .count(let count): count
    }
  }
}

extension Holdout: CustomStringConvertible {
  /// The holdout in the syntax of `init(_:)`.
  public var description: String { json.string ?? json.text() }
}
