/// A limit on trainable parameters: a number, or a fraction of the model's parameters.
public enum ParameterBudget: Hashable, Sendable {
  /// A number of parameters.
  case count(Int)
  /// A fraction of all parameters of the model; 0.005 is half a per cent.
  case share(Double)

  /// Parses `5000`, `0.5%` and `0.5 %`; nil for anything else, and unless the budget is positive.
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

  /// The number of parameters that the budget allows in a model with `parameters` parameters.
  public func count(of parameters: Int) -> Int {
    switch self {
    case .count(let count): count
    case .share(let share): Int(min(share * Double(parameters), 0x1p62))
    }
  }
}
