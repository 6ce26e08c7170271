import PEFTNetwork
import PEFTTensor

/// The gradient sink for probing: contracts each parameter's gradient with a direction, by example
/// and group, without forming it.
///
/// After a backward pass from cotangents δ of the outputs, `contractions[g]` holds Σ_c δ_ic
/// (J_i v_k)_c for every example i and group k of grouping g: the contribution of group k to the
/// directional derivative.
final class DirectionalSink: GradientSink {
  private let directions: [Parameter: Tensor]
  private let elements: [Parameter: [Int]]
  private let groupings: [ParameterGrouping]
  private let positions: [Parameter: Int]
  private let exampleCount: Int
  private let keepsImages: Bool
  private var images: [Tensor?] = []
  private var visits = 0

  /// B × K numbers for each grouping, row-major.
  private(set) var contractions: [[Double]]

  /// - Parameters:
  ///   - elements: for each parameter of which candidates train single elements, their positions in
  ///     the order in which candidates take them.
  ///   - walks: the number of passes over the same tape. With two or more, the results that they
  ///     share are cached.
  init(
    parameters: [ModelParameter], directions: [Parameter: Tensor],
    elements: [Parameter: [Int]] = [:], groupings: [ParameterGrouping], exampleCount: Int,
    walks: Int
  ) {
    self.directions = directions
    self.elements = elements
    self.groupings = groupings
    self.exampleCount = exampleCount
    keepsImages = walks > 1
    positions = Dictionary(
      uniqueKeysWithValues: parameters.enumerated().map { ($1.parameter, $0) })
    contractions = groupings.map { Array(repeating: 0, count: exampleCount * $0.count) }
  }

  /// Resets the sums before another pass over the same tape.
  func reset() {
    visits = 0
    for index in contractions.indices {
      contractions[index].withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    }
  }

  /// Adds the contraction of one contribution.
  func receive(
    _ gradient: any ParameterGradient, of parameter: Parameter, partition: RowPartition
  ) {
    guard let position = positions[parameter], let direction = directions[parameter] else { return }
    let assignments = groupings.map { $0.assignments[position] }
    let split = Self.finest(assignments)
    guard let split else { return }
    precondition(
      exampleCount > 0 && partition.exampleCount.isMultiple(of: exampleCount),
      "probe: \(parameter.name) sees \(partition.exampleCount) texts of \(exampleCount) examples")
    // The texts of a pair are one example, and so are all pairs that are ranked together.
    let partition = partition.joining(partition.exampleCount / exampleCount)
    let values = gradient.contracted(
      with: direction, image: split == .columns ? nil : image(of: gradient, direction),
      partition: partition, by: split)
    let count = split.sumCount(of: parameter.shape)
    for (index, assignment) in assignments.enumerated() {
      add(values, count: count, to: assignment, of: index)
    }
    receive(elementsOf: gradient, parameter, at: position, direction, partition)
  }

  /// Adds the contractions with the single elements that candidates train.
  private func receive(
    elementsOf gradient: any ParameterGradient, _ parameter: Parameter, at position: Int,
    _ direction: Tensor, _ partition: RowPartition
  ) {
    guard let order = elements[parameter], !order.isEmpty,
      groupings.contains(where: { !$0.elementPrefixes[position].isEmpty })
    else { return }
    guard let product = gradient as? OuterProductGradient else {
      preconditionFailure("probe: single elements of \(parameter.name), which is no linear weight")
    }
    let values = product.contracted(with: direction, partition: partition, at: order)
    for (index, grouping) in groupings.enumerated() {
      add(
        values, count: order.count, to: .prefixes(grouping.elementPrefixes[position]),
        of: index)
    }
  }

  /// The split from which the sums of all assignments can be computed; nil if no assignment takes
  /// part.
  private static func finest(_ assignments: [ParameterGrouping.Assignment]) -> ElementSplit? {
    var split: ElementSplit?
    for assignment in assignments {
      switch assignment {
      case .none: break
      case .whole: split = split ?? .whole
      case .rows: split = .rows
      case .prefixes: split = .columns
      }
    }
    return split
  }

  /// Returns the cached image. All passes over one tape visit the same parameters in the same
  /// order, with the same inputs.
  private func image(of gradient: any ParameterGradient, _ direction: Tensor) -> Tensor? {
    guard keepsImages else { return nil }
    defer { visits += 1 }
    if visits == images.count { images.append(gradient.image(of: direction)) }
    return images[visits]
  }

  private func add(
    _ values: [Double], count: Int, to assignment: ParameterGrouping.Assignment, of index: Int
  ) {
    let groups = groupings[index].count
    contractions[index].withUnsafeMutableBufferPointer { sums in
      for example in 0..<exampleCount {
        let row = example * groups
        let part = example * count
        switch assignment {
        case .none: break
        case .whole(let group):
          for item in 0..<count { sums[row + group] += values[part + item] }
        case .rows(let first):
          for item in 0..<count { sums[row + first + item] += values[part + item] }
        case .prefixes(let prefixes):
          for prefix in prefixes {
            for item in 0..<min(prefix.count, count) {
              sums[row + prefix.group] += values[part + item]
            }
          }
        }
      }
    }
  }
}
