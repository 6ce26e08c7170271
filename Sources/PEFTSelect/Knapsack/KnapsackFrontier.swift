/// The best value for every capacity, as the points where a little more capacity yields more value.
public struct KnapsackFrontier: Sendable {
  /// A point of the frontier.
  public struct Point: Hashable, Sendable {
    /// The weight, including the items forced in.
    public let weight: Int64
    /// The value.
    public let value: Double
  }

  /// The points, ascending in weight and value. The first takes only the items forced in.
  public let points: [Point]
  /// The solver that found them.
  public let solver: KnapsackSolver
  private let forced: [Int]
  private let options: @Sendable (Int) -> [Int]

  init(
    points: [Point], solver: KnapsackSolver, forced: [Int],
    options: @escaping @Sendable (Int) -> [Int]
  ) {
    self.points = points
    self.solver = solver
    self.forced = forced
    self.options = options
  }

  /// The items taken at point `index`, ascending, including those forced in.
  public func selection(at index: Int) -> [Int] { (forced + options(index)).sorted() }
}

extension KnapsackInstance {
  /// Computes the whole exact frontier, up to the sum of all weights. The capacity only has to hold
  /// the items forced in.
  ///
  /// - Returns: nil if the limits ended the search.
  public func frontier(limits: KnapsackLimits = KnapsackLimits()) -> KnapsackFrontier? {
    let start = ContinuousClock.now
    let problem = KnapsackProblem(self, isCapped: false)
    let base = problem.forced.reduce(Int64(0)) { $0 + items[$1].weight }
    if let solver = SizeClassSolver(
      problem, capacity: nil, limit: Self.denseLimit, limits: limits, since: start)
    {
      let capacities = solver.breakpoints
      return KnapsackFrontier(
        points: capacities.map {
          KnapsackFrontier.Point(
            weight: base + Int64($0) * problem.unit, value: problem.value(solver.best[$0]))
        }, solver: .frontier, forced: problem.forced,
        options: { solver.options(at: capacities[$0]).map(\.item) })
    }
    let list = ParetoSolver(problem, capacity: nil, limits: limits, since: start)
    guard list.isComplete else { return nil }
    let points = list.points
    return KnapsackFrontier(
      points: points.map {
        KnapsackFrontier.Point(
          weight: base + $0.weight * problem.unit, value: problem.value($0.value))
      }, solver: .paretoList, forced: problem.forced,
      options: { list.options(of: points[$0]).map(\.item) })
  }

  /// The maximum number of capacities, in units of the greatest common divisor, for which every one
  /// is computed.
  static let denseLimit = 4_000_000
}
