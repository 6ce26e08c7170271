/// The list of undominated selections, extended item by item (Nemhauser & Ullmann 1969).
///
/// After some choices are decided, the list holds every (weight, value) for which no other
/// selection has less or equal weight and more or equal value. The cost of a solution is
/// proportional to the length of the list, which is at most the number of distinct weights, and
/// short on average for weights and values that are not adversarial.
struct ParetoSolver {
  /// A point of the list.
  struct Point {
    let weight: Int64
    let value: ExactValue
    fileprivate let node: Int32
  }

  private struct Node {
    let parent: Int32
    let choice: Int32
    let option: Int32
  }

  private let problem: KnapsackProblem
  private var nodes: [Node] = []
  /// The undominated points, ascending in weight and value, starting with the empty selection.
  private(set) var points: [Point] = [Point(weight: 0, value: 0, node: -1)]
  /// Whether the search completed within the limits.
  private(set) var isComplete = true
  /// The number of points examined.
  private(set) var states = 0

  /// - Parameter capacity: the weight above which points are dropped; nil keeps all.
  init(
    _ problem: KnapsackProblem, capacity: Int64?, limits: KnapsackLimits,
    since start: ContinuousClock.Instant
  ) {
    self.problem = problem
    for choice in problem.choices.indices {
      let isLate = (ContinuousClock.now - start) / .seconds(1) > limits.seconds
      if isLate || nodes.count > min(limits.states, Int(Int32.max) - 2 * points.count) {
        isComplete = false
        return
      }
      let before = points
      for option in 0..<problem.choices[choice].count {
        merge(before, choice: choice, option: option, capacity: capacity ?? .max)
      }
      states += points.count
    }
  }

  /// The options that lead to a point.
  func options(of point: Point) -> [KnapsackProblem.Option] {
    var result: [KnapsackProblem.Option] = []
    var next = point.node
    while next >= 0 {
      let node = nodes[Int(next)]
      result.append(problem.choices[Int(node.choice)][Int(node.option)])
      next = node.parent
    }
    return result
  }

  private mutating func merge(_ before: [Point], choice: Int, option: Int, capacity: Int64) {
    let item = problem.choices[choice][option]
    var result: [Point] = []
    result.reserveCapacity(points.count + before.count)
    var (left, right) = (0, 0)
    var last: ExactValue = -1
    while left < points.count || right < before.count {
      let takesLeft =
        right == before.count
        || (left < points.count
          && (points[left].weight, before[right].value + item.value)
            <= (before[right].weight + item.weight, points[left].value))
      if takesLeft {
        let point = points[left]
        left += 1
        guard point.value > last else { continue }
        last = point.value
        result.append(point)
      } else {
        let source = before[right]
        right += 1
        let (weight, value) = (source.weight + item.weight, source.value + item.value)
        guard weight <= capacity else {
          right = before.count
          continue
        }
        guard value > last else { continue }
        last = value
        nodes.append(
          Node(parent: source.node, choice: Int32(choice), option: Int32(option)))
        result.append(Point(weight: weight, value: value, node: Int32(nodes.count - 1)))
      }
    }
    points = result
  }
}
