/// The settings that a search varies, each with its range.
public struct SearchSpace: Hashable, Sendable {
  /// A setting that is varied.
  public struct Dimension: Hashable, Sendable {
    /// The setting's name.
    public let name: String
    /// Its values.
    public let range: SearchRange

    /// Creates a dimension.
    public init(name: String, range: SearchRange) {
      self.name = name
      self.range = range
    }
  }

  /// The settings in order.
  public let dimensions: [Dimension]

  /// A space of these settings.
  public init(_ dimensions: [Dimension]) { self.dimensions = dimensions }

  /// The names of the settings.
  public var names: [String] { dimensions.map(\.name) }

  /// The number of different points; nil if it is not finite or needs more than 62 bits.
  var count: Int? {
    var count = 1
    for dimension in dimensions {
      guard let own = dimension.range.count else { return nil }
      let (product, isTooLarge) = count.multipliedReportingOverflow(by: own)
      if isTooLarge { return nil }
      count = product
    }
    return count
  }

  /// A point of the space's own distribution: one value for each dimension.
  ///
  /// - Parameter uniform: gives uniform numbers on [0, 1), one for each dimension.
  func point(_ uniform: () -> Double) -> [String] {
    dimensions.map { $0.range.value(at: uniform()) }
  }

  /// Points at which every value that delimits a range occurs, with the first values of the other
  /// dimensions. A setting that cannot be is found there before anything runs.
  public var corners: [(dimension: Int, values: [String])] {
    let first = dimensions.map { $0.range.extremes[0] }
    return dimensions.enumerated().flatMap { index, dimension in
      dimension.range.extremes.map { value in
        var values = first
        values[index] = value
        return (index, values)
      }
    }
  }
}
