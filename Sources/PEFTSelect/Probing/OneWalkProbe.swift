import PEFTNetwork
import PEFTTensor

/// Measures slope and Gauss–Newton curvature of every group with one forward pass and the backward
/// passes that the outputs require; see <doc:ObjectiveAndProbing>.
///
/// - Cost: one forward pass that records what training would. Then, for C classes, C − 1 backward
///   passes for data gradients only, or S + 1 for more classes or a vocabulary. Finally products of
///   the size of one more forward pass, shared by the backward passes. The number of groups has
///   almost no effect on the cost.
/// - Accuracy: that of Float32 products. No differences of losses are taken, so there is no step
///   size and no cancellation.
public struct OneWalkProbe {
  /// The maximum number of classes for which the curvature is exact. For more classes, labels are
  /// sampled.
  public var exactClassLimit = 16
  /// The number of labels sampled for each example beyond that limit.
  public var sampleCount = 8
  /// The precision of products with weights.
  public var precision: Precision
  /// The maximum number of groups for which the interaction matrix is computed.
  package static let interactionLimit = 4096

  /// Creates a probe with these limits.
  public init(exactClassLimit: Int = 16, sampleCount: Int = 8, precision: Precision = .fp32) {
    self.exactClassLimit = exactClassLimit
    self.sampleCount = sampleCount
    self.precision = precision
  }

  /// The number of backward passes for outputs of so many classes; nil means a vocabulary.
  public func backwardPasses(classes: Int?) -> Int {
    guard let classes, classes <= exactClassLimit else { return 1 + sampleCount }
    return max(1, classes - 1)
  }

  /// The result for one batch under one grouping.
  public struct Result {
    /// Slopes and curvatures.
    public let record: ProbeRecord
    /// A [K, K], row-major, the mean over the examples; nil if it was not requested.
    public let interactions: [Double]?
  }

  /// Probes `batch` along `directions`, one for every parameter that moves.
  ///
  /// Every parameter must be trainable, so that the tape records everything related to it.
  ///
  /// - Parameter elements: for each parameter of which candidates train single elements, their
  ///   row-major positions in the order in which candidates take them.
  public func callAsFunction<O: Objective>(
    _ objective: O, _ batch: O.Batch, along directions: [Parameter: Tensor],
    elements: [Parameter: [Int]] = [:], groupings: [ParameterGrouping], interactions: Bool,
    generator: SeededGenerator
  ) -> [Result] {
    let tape = Tape(precision: precision)
    let outputs = objective.outputs(of: batch, on: tape)
    let targets = objective.targets(of: batch)
    let curvature: any OutputCurvature =
      if case .tokens(let labels) = targets.kind, let map = objective.vocabulary {
        VocabularyCurvature(
          outputs: outputs, on: tape, map: map, labels: labels, exampleCount: targets.count,
          labelSmoothing: objective.lossShape.labelSmoothing, samples: sampleCount,
          generator: generator)
      } else {
        LogitCurvature(
          outputs: outputs.value, targets: targets, shape: objective.lossShape,
          exactLimit: exactClassLimit, samples: sampleCount, generator: generator)
      }
    let exampleCount = targets.count
    let sink = DirectionalSink(
      parameters: objective.parameters, directions: directions, elements: elements,
      groupings: groupings, exampleCount: exampleCount, walks: curvature.walkCount)
    var tangents = groupings.map {
      OutputTangents(exampleCount: exampleCount, groupCount: $0.count, walks: [])
    }
    for walk in 0..<curvature.walkCount {
      sink.reset()
      curvature.pullBack(
        walk, from: outputs, on: tape, to: sink, consuming: walk == curvature.walkCount - 1)
      for index in tangents.indices { tangents[index].walks.append(sink.contractions[index]) }
    }
    return tangents.map { Self.result($0, curvature, interactions: interactions) }
  }

  /// The statistics of per-example slopes and curvatures.
  static func result(
    _ tangents: OutputTangents, _ curvature: any OutputCurvature, interactions: Bool
  ) -> Result {
    var record = ProbeRecord(
      exampleCount: tangents.exampleCount, groupCount: tangents.groupCount)
    for group in 0..<tangents.groupCount {
      record.set(group: group) {
        curvature.slope(tangents, example: $0, group: group)
      } curvatures: {
        curvature.curvature(tangents, example: $0, group: group)
      }
    }
    let isWanted = interactions && tangents.groupCount <= interactionLimit
    return Result(record: record, interactions: isWanted ? matrix(tangents, curvature) : nil)
  }

  /// A_jk = mean_i Σ_f factor_ifj factor_ifk.
  private static func matrix(_ tangents: OutputTangents, _ curvature: any OutputCurvature)
    -> [Double]
  {
    let count = tangents.groupCount
    var sum = [Double](repeating: 0, count: count * count)
    var row = [Double](repeating: 0, count: count)
    for example in 0..<tangents.exampleCount {
      for index in 0..<curvature.factorCount {
        for group in 0..<count {
          row[group] = curvature.factor(index, tangents, example: example, group: group)
        }
        for first in 0..<count where row[first] != 0 {
          for second in 0..<count { sum[first * count + second] += row[first] * row[second] }
        }
      }
    }
    return sum.map { $0 / Double(tangents.exampleCount) }
  }
}
