/// How many parameters may train: a number, or a share of the model's.
public enum ParameterBudget: Hashable, Sendable {
  /// So many.
  case count(Int)
  /// A share of all parameters of the model; 0.005 is half a per cent.
  case share(Double)

  /// Parses `5000`, `0.5%` and `0.5 %`; nil for anything else, and for what is not positive.
  public init?(_ text: String) {
    if text.hasSuffix("%") {
      let number = text.dropLast().trimmingPrefix { $0 == " " }
      let digits = number.last == " " ? number.dropLast() : number
      guard let share = Double(digits), share > 0, share.isFinite else { return nil }
      self = .share(share / 100)
    } else {
      guard let count = Int(text), count > 0 else { return nil }
      self = .count(count)
    }
  }

  /// The number of parameters, of a model that has `parameters`.
  public func count(of parameters: Int) -> Int {
    switch self {
    case .count(let count): count
    case .share(let share): Int(min(share * Double(parameters), 0x1p62))
    }
  }
}
