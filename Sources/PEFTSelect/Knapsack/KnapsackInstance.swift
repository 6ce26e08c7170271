/// A 0-1 knapsack with multiple choice:
///
///     maximise Σ v_i x_i   subject to   Σ w_i x_i ≤ c,   at most one item of each exclusion class,
///     forced items as forced,   x_i ∈ {0, 1}
///
/// Among choices of equal value the lightest is the answer.
public struct KnapsackInstance: Sendable {
  /// The items.
  public let items: [KnapsackItem]
  /// c.
  public let capacity: Int64

  /// An instance.
  ///
  /// Throws for a weight that is not positive, a value that is negative or not finite, a sum of
  /// weights beyond 64 bits or of values beyond a Double, two items of one class forced in, and
  /// items forced in that do not fit.
  public init(items: [KnapsackItem], capacity: Int64) throws(KnapsackError) {
    var total: Int64 = 0
    var value = 0.0
    var forced: Int64 = 0
    var forcedClasses: Set<Int> = []
    for (index, item) in items.enumerated() {
      guard item.weight > 0 else {
        throw KnapsackError("item \(index) weighs \(item.weight); weights must be positive")
      }
      guard item.value.isFinite, item.value >= 0 else {
        throw KnapsackError("item \(index) has the value \(item.value); it must be finite, from 0")
      }
      let (sum, overflow) = total.addingReportingOverflow(item.weight)
      guard !overflow else { throw KnapsackError("the weights add up to more than 64 bits hold") }
      total = sum
      value += item.value
      guard value.isFinite else {
        throw KnapsackError("the values add up to more than a Double holds; scale them")
      }
      guard item.choice == .forcedIn else { continue }
      forced += item.weight
      if let exclusionClass = item.exclusionClass,
        !forcedClasses.insert(exclusionClass).inserted
      {
        throw KnapsackError("two items of class \(exclusionClass) are forced in")
      }
    }
    guard capacity >= 0, forced <= capacity else {
      throw KnapsackError("the items forced in weigh \(forced), the capacity is \(capacity)")
    }
    self.items = items
    self.capacity = capacity
  }
}

/// An item that can be taken or left.
public struct KnapsackItem: Hashable, Sendable {
  /// What is decided beforehand.
  public enum Choice: Hashable, Sendable {
    /// Nothing.
    case free
    /// It is taken.
    case forcedIn
    /// It is left.
    case forcedOut
  }

  /// w, positive.
  public var weight: Int64
  /// v, finite, from 0. An item of value 0 is never taken unless forced in.
  public var value: Double
  /// At most one item of a class is taken; nil for an item that excludes none.
  public var exclusionClass: Int?
  /// What is decided beforehand.
  public var choice: Choice

  /// An item.
  public init(
    weight: Int64, value: Double, exclusionClass: Int? = nil, choice: Choice = .free
  ) {
    self.weight = weight
    self.value = value
    self.exclusionClass = exclusionClass
    self.choice = choice
  }
}

/// An invalid knapsack instance. The message names the item, counted from 0.
public struct KnapsackError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public let description: String

  init(_ description: String) { self.description = description }
}
