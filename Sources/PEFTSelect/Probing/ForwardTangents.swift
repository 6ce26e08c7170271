import PEFTNetwork
import PEFTTensor

/// The reference of `OneWalkProbe`: the tangents of the outputs by forward mode, one walk a group.
///
/// - Cost: K walks of the size of two forward computations.
package struct ForwardTangentProbe {
  /// The reference.
  package init() {}

  /// The same statistics by K forward walks; the curvature is exact for any number of classes.
  package func callAsFunction<O: Objective>(
    _ objective: O, _ batch: O.Batch, along directions: [Parameter: Tensor],
    grouping: ParameterGrouping, interactions: Bool
  ) -> OneWalkProbe.Result {
    let tape = Tape()
    let outputs = objective.outputs(of: batch, on: tape)
    if case .tokens(let labels) = objective.targets(of: batch), let map = objective.vocabulary {
      return moments(objective, outputs, map, labels, on: tape, along: directions, grouping)
    }
    let curvature = LogitCurvature(
      outputs: outputs.value, targets: objective.targets(of: batch),
      labelSmoothing: objective.labelSmoothing, exactLimit: .max, samples: 0,
      generator: SeededGenerator(seed: 0, purpose: "unused"))
    let (examples, width) = (outputs.value.shape.rows, outputs.value.shape.columns)
    var tangents = OutputTangents(
      exampleCount: examples, groupCount: grouping.count,
      walks: (0..<curvature.walkCount).map { _ in
        Array(repeating: 0, count: examples * grouping.count)
      })
    for group in 0..<grouping.count {
      let restricted = grouping.restrict(directions, of: objective.parameters, to: group)
      let tangent = tape.tangent(of: outputs, along: restricted).elements
      for walk in tangents.walks.indices {
        let cotangent = curvature.cotangent(walk).elements
        for example in 0..<examples {
          var sum = 0.0
          for output in example * width..<(example + 1) * width {
            sum += Double(cotangent[output]) * Double(tangent[output])
          }
          tangents.walks[walk][example * grouping.count + group] = sum
        }
      }
    }
    return OneWalkProbe.result(tangents, curvature, interactions: interactions)
  }

  /// The exact slopes and curvatures over a vocabulary, whose tangents are never whole in
  /// memory; no interactions.
  private func moments<O: Objective>(
    _ objective: O, _ outputs: Variable, _ map: VocabularyMap, _ labels: [[Int32]], on tape: Tape,
    along directions: [Parameter: Tensor], _ grouping: ParameterGrouping
  ) -> OneWalkProbe.Result {
    let ends = labels.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
    let weight = Double(labels.count) / Double(max(1, ends[labels.count]))
    var record = ProbeRecord(exampleCount: labels.count, groupCount: grouping.count)
    for group in 0..<grouping.count {
      let restricted = grouping.restrict(directions, of: objective.parameters, to: group)
      let found = tape.crossEntropyMoments(
        outputs, map, labels: labels.flatMap { $0 }, labelSmoothing: objective.labelSmoothing,
        along: restricted)
      record.set(group: group) {
        weight * found.slopes[ends[$0]..<ends[$0 + 1]].reduce(0, +)
      } curvatures: {
        weight * found.curvatures[ends[$0]..<ends[$0 + 1]].reduce(0, +)
      }
    }
    return OneWalkProbe.Result(record: record, interactions: nil)
  }
}

extension ParameterGrouping {
  /// The directions of one group: those of its parameters, zero outside its rows and columns.
  func restrict(
    _ directions: [Parameter: Tensor], of parameters: [ModelParameter], to group: Int
  ) -> [Parameter: Tensor] {
    var result: [Parameter: Tensor] = [:]
    for (entry, assignment) in zip(parameters, assignments) {
      guard let direction = directions[entry.parameter] else { continue }
      switch assignment {
      case .whole(group): result[entry.parameter] = direction
      case .rows(let first) where (first..<first + direction.shape.rows).contains(group):
        let width = direction.shape.columns
        let row = group - first
        result[entry.parameter] = direction.masked { $0 / width == row }
      case .columnPrefixes(let prefixes):
        guard let prefix = prefixes.first(where: { $0.group == group }) else { continue }
        let width = direction.shape.columns
        result[entry.parameter] = direction.masked { $0 % width < prefix.rank }
      default: break
      }
    }
    return result
  }
}

extension Tensor {
  /// The tensor with zeros where `keeps` says no of the position, row-major.
  fileprivate func masked(_ keeps: (Int) -> Bool) -> Tensor {
    var copy = self
    copy.withUnsafeMutableElements { buffer in
      for index in buffer.indices where !keeps(index) { buffer[index] = 0 }
    }
    return copy
  }
}
