import PEFTNetwork
import PEFTTensor

/// The reference for `OneWalkProbe`: computes the tangents of the outputs in forward mode, with one
/// pass for each group.
///
/// - Cost: K passes, each of the size of two forward computations.
package struct ForwardTangentProbe {
  /// Creates the reference probe.
  package init() {}

  /// Computes the same statistics by K tangent passes. The curvature is exact for any number of
  /// classes.
  package func callAsFunction<O: Objective>(
    _ objective: O, _ batch: O.Batch, along directions: [Parameter: Tensor],
    elements: [Parameter: [Int]] = [:], grouping: ParameterGrouping, interactions: Bool
  ) -> OneWalkProbe.Result {
    let tape = Tape()
    let outputs = objective.outputs(of: batch, on: tape)
    let targets = objective.targets(of: batch)
    if case .tokens(let labels) = targets.kind, let map = objective.vocabulary {
      return moments(
        objective, outputs, map, labels, targets.partition, on: tape, along: directions, elements,
        grouping)
    }
    let rows = outputs.value.shape.rows
    let curvature = LogitCurvature(
      outputs: outputs.value,
      targets: Targets(targets.kind, partition: RowPartition(examples: rows)),
      shape: objective.lossShape, exactLimit: .max, samples: 0,
      generator: SeededGenerator(seed: 0, purpose: "unused"))
    let width = outputs.value.shape.columns
    var tangents = OutputTangents(
      exampleCount: rows, groupCount: grouping.count,
      walks: (0..<curvature.walkCount).map { _ in
        Array(repeating: 0, count: rows * grouping.count)
      })
    for group in 0..<grouping.count {
      let restricted = grouping.restrict(
        directions, elements, of: objective.parameters, to: group)
      let tangent = tape.tangent(of: outputs, along: restricted).elements
      for walk in tangents.walks.indices {
        let cotangent = curvature.cotangent(walk).elements
        for row in 0..<rows {
          var sum = 0.0
          for output in row * width..<(row + 1) * width {
            sum += Double(cotangent[output]) * Double(tangent[output])
          }
          tangents.walks[walk][row * grouping.count + group] = sum
        }
      }
    }
    guard !targets.hasOneRowEach else {
      return OneWalkProbe.result(tangents, curvature, interactions: interactions)
    }
    return Self.result(targets.partition, groups: grouping.count) { row, group in
      curvature.slope(tangents, example: row, group: group)
    } curvature: { row, group in
      curvature.curvature(tangents, example: row, group: group)
    }
  }

  /// The statistics of examples with several rows, without interactions.
  private static func result(
    _ partition: RowPartition, groups: Int, slope: (Int, Int) -> Double,
    curvature: (Int, Int) -> Double
  ) -> OneWalkProbe.Result {
    let weight = Double(partition.exampleCount) / Double(max(1, partition.rowCount))
    var record = ProbeRecord(exampleCount: partition.exampleCount, groupCount: groups)
    for group in 0..<groups {
      record.set(group: group) {
        weight * partition[$0].reduce(0) { $0 + slope($1, group) }
      } curvatures: {
        weight * partition[$0].reduce(0) { $0 + curvature($1, group) }
      }
    }
    return OneWalkProbe.Result(record: record, interactions: nil)
  }

  /// The exact slopes and curvatures over a vocabulary, without interactions. The tangents of the
  /// logits are never in memory as a whole.
  private func moments<O: Objective>(
    _ objective: O, _ outputs: Variable, _ map: VocabularyMap, _ labels: [Int32],
    _ partition: RowPartition, on tape: Tape, along directions: [Parameter: Tensor],
    _ elements: [Parameter: [Int]], _ grouping: ParameterGrouping
  ) -> OneWalkProbe.Result {
    let found = (0..<grouping.count).map { group in
      tape.crossEntropyMoments(
        outputs, map, labels: labels, labelSmoothing: objective.lossShape.labelSmoothing,
        along: grouping.restrict(directions, elements, of: objective.parameters, to: group))
    }
    return Self.result(partition, groups: grouping.count) { row, group in
      found[group].slopes[row]
    } curvature: { row, group in
      found[group].curvatures[row]
    }
  }
}

extension ParameterGrouping {
  /// The directions of one group: those of its parameters, set to zero outside its rows, columns
  /// and elements, which `elements` orders.
  func restrict(
    _ directions: [Parameter: Tensor], _ elements: [Parameter: [Int]],
    of parameters: [ModelParameter], to group: Int
  ) -> [Parameter: Tensor] {
    var result: [Parameter: Tensor] = [:]
    for (index, (entry, assignment)) in zip(parameters, assignments).enumerated() {
      guard let direction = directions[entry.parameter] else { continue }
      if let prefix = elementPrefixes[index].first(where: { $0.group == group }) {
        let kept = Set((elements[entry.parameter] ?? []).prefix(prefix.count))
        result[entry.parameter] = direction.masked { kept.contains($0) }
        continue
      }
      switch assignment {
      case .whole(group): result[entry.parameter] = direction
      case .rows(let first) where (first..<first + direction.shape.rows).contains(group):
        let width = direction.shape.columns
        let row = group - first
        result[entry.parameter] = direction.masked { $0 / width == row }
      case .prefixes(let prefixes):
        guard let prefix = prefixes.first(where: { $0.group == group }) else { continue }
        let width = direction.shape.columns
        result[entry.parameter] = direction.masked { $0 % width < prefix.count }
      default: break
      }
    }
    return result
  }
}

extension Tensor {
  /// A copy of the tensor with zeros at the row-major positions for which `keeps` returns false.
  fileprivate func masked(_ keeps: (Int) -> Bool) -> Tensor {
    var copy = self
    copy.withUnsafeMutableElements { buffer in
      for index in buffer.indices where !keeps(index) { buffer[index] = 0 }
    }
    return copy
  }
}
