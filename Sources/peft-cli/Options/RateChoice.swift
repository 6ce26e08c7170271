import ArgumentParser

/// The learning rate of a run: a number, or `auto`.
enum RateChoice: ExpressibleByArgument, Equatable {
  /// The run finds its rate itself.
  case auto
  /// This rate.
  case fixed(Double)

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else if let rate = Double(argument) {
      self = .fixed(rate)
    } else {
      return nil
    }
  }

  var defaultValueDescription: String {
    switch self {
    case .auto: "auto"
    case .fixed(let rate): "\(rate)"
    }
  }

  /// The rate; nil for `auto`.
  var rate: Double? {
    if case .fixed(let rate) = self { rate } else { nil }
  }
}
