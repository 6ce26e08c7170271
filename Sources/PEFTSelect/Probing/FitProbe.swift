import PEFTNetwork
import PEFTTensor

/// Measures slope and curvature of every group with a `LossFit` on one batch.
///
/// - Cost: one recorded and one plain forward pass, then for each group one evaluation for each
///   multiplier, starting from the lowest stage that the group affects.
package struct FitProbe {
  let fit: LossFit

  /// Creates a probe that uses `fit`.
  package init(_ fit: LossFit) { self.fit = fit }

  /// Probes `batch`. Parameters are changed temporarily, and then restored bit for bit.
  package func callAsFunction<O: Objective>(
    _ objective: O, _ batch: O.Batch, along directions: [Parameter: Tensor],
    elements: [Parameter: [Int]] = [:], grouping: ParameterGrouping, generator: SeededGenerator
  ) -> ProbeRecord {
    let parameters = objective.parameters
    let guesses = OneWalkProbe()(
      objective, batch, along: directions, elements: elements, groupings: [grouping],
      interactions: false, generator: generator)[0].record
    let snapshot = ParameterSnapshot(of: parameters)
    defer { snapshot.restore() }
    for entry in parameters { entry.parameter.trains = .none }
    var stages: [Variable] = []
    let tape = Tape()
    let outputs = objective.outputs(of: batch, on: tape) { stages.append($1) }
    let base = objective.loss(outputs, of: batch, on: tape)
    let lossSum = base.terms.reduce(0, +) / Double(base.terms.count)
    var record = ProbeRecord(
      exampleCount: base.terms.count, groupCount: grouping.count)
    for group in 0..<grouping.count {
      let moving = grouping.restrict(directions, elements, of: parameters, to: group)
      let first = parameters.filter { moving[$0.parameter] != nil }.map(\.stage).min() ?? 0
      guard !moving.isEmpty, moving.values.contains(where: { $0.sumOfSquares > 0 }),
        let step = fit.stepSize(
          slope: guesses.slopes[group], curvature: guesses.curvatures[group], loss: lossSum)
      else { continue }
      let steps = fit.multipliers.map { $0 * step }
      let changes = steps.map { x in
        let saved = moving.keys.map { ($0, $0.value) }
        defer { for (parameter, value) in saved { parameter.value = value } }
        for (parameter, direction) in moving {
          parameter.value.add(direction, scaledBy: Float(-x))
        }
        let tape = Tape()
        let moved = objective.outputs(
          of: batch, from: first, input: first == 0 ? nil : stages[first - 1], on: tape)
        let losses = objective.loss(moved, of: batch, on: tape).terms
        return losses.reduce(0, +) / Double(losses.count) - lossSum
      }
      set(group, of: &record, steps: steps, changes: changes)
    }
    return record
  }

  /// Stores the fit of a group in the record. Without a finite fit, the group is marked as not
  /// accepted.
  private func set(
    _ group: Int, of record: inout ProbeRecord, steps: [Double], changes: [Double]
  ) {
    guard changes.allSatisfy(\.isFinite), let parabola = fit.fit(steps: steps, changes: changes)
    else {
      record.isAccepted[group] = false
      return
    }
    record.slopes[group] = parabola.slope
    record.curvatures[group] = parabola.curvature
    record.slopeVariances[group] = parabola.slopeVariance
    record.curvatureVariances[group] = parabola.curvatureVariance
    record.covariances[group] = parabola.covariance
    record.isAccepted[group] = fit.accepts(parabola)
  }
}
