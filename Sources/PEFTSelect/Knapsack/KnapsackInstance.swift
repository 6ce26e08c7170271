/// A 0-1 knapsack problem with multiple-choice constraints.
///
///     maximise Σ v_i x_i   subject to   Σ w_i x_i ≤ c,   at most one item of each exclusion class,
///     forced items as forced,   x_i ∈ {0, 1}
///
/// Among selections of equal value, the lightest is the answer.
public struct KnapsackInstance: Sendable {
  /// The items.
  public let items: [KnapsackItem]
  /// The capacity c.
  public let capacity: Int64

  /// Creates an instance.
  ///
  /// Throws if a weight is not positive, a value is negative or not finite, the sum of weights
  /// exceeds 64 bits or that of values a Double, two items of one class are forced in, or the items
  /// forced in do not fit.
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

/// An item of a knapsack.
public struct KnapsackItem: Hashable, Sendable {
  /// A decision made in advance.
  public enum Choice: Hashable, Sendable {
    /// No decision: the solver may take the item or leave it.
    case free
    /// The item is taken.
    case forcedIn
    /// The item is left out.
    case forcedOut
  }

  /// The weight w, which must be positive.
  public var weight: Int64
  /// The value v, finite and at least 0. An item of value 0 is never taken unless it is forced in.
  public var value: Double
  /// The exclusion class: at most one item of a class is taken. Nil for an item that excludes none.
  public var exclusionClass: Int?
  /// The decision made in advance.
  public var choice: Choice

  /// Creates an item.
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
  /// A description of what is wrong.
  public let description: String

  init(_ description: String) { self.description = description }
}
