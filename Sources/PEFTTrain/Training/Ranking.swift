import Foundation
import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor

extension TransformerModel {
  /// Ranks the second text of every pair among the distinct second texts of all pairs, by the
  /// cosines of the embeddings.
  ///
  /// The rank of a first text's own second text is 1 plus the number of wrong texts that are at
  /// least as similar. A second text of another pair with the same first text is not wrong. The
  /// loss is that of training with all texts as one batch.
  ///
  /// - Cost: N · M · h products for N pairs and M distinct second texts.
  /// - Returns: the ranks as answers; nil if `shouldStop`, called before every batch, ends it.
  func rank(
    _ pairs: [(first: [Int32], second: [Int32])], of data: EncodedDataset,
    task: any PredictionTask, shouldStop: () -> Bool
  ) -> Evaluation? {
    guard case .pairs(.ranking(let scale), _) = output else {
      preconditionFailure("rank: the model has another output")
    }
    let width = configuration.hiddenSize
    var sides = [Tensor(zeros: [pairs.count, width]), Tensor(zeros: [pairs.count, width])]
    for indices in Self.evaluationBatches(of: data, 0..<data.count) {
      if shouldStop() { return nil }
      let found = features(data.texts(indices), on: Tape()).value.withNormalizedRows
      for side in sides.indices {
        sides[side].replaceRows(
          at: indices, with: found.rows(at: indices.indices.map { 2 * $0 + side }))
      }
    }
    let candidates = Candidates(pairs)
    let second = sides[1].rows(at: candidates.rows)
    var ranks: [Double] = []
    var losses = 0.0
    for start in stride(from: 0, to: pairs.count, by: Self.rankedAtOnce) {
      if shouldStop() { return nil }
      let queries = start..<min(pairs.count, start + Self.rankedAtOnce)
      let first = sides[0].rows(at: Array(queries))
      let cosines = Tape().innerProducts(
        Variable(constant: first, partition: RowPartition(examples: queries.count)),
        Variable(constant: second, partition: RowPartition(examples: candidates.count))
      ).value
      cosines.withUnsafeElements { elements in
        for (place, query) in queries.enumerated() {
          let row = UnsafeBufferPointer(
            rebasing: elements[place * candidates.count..<(place + 1) * candidates.count])
          let (rank, loss) = candidates.rank(query, among: row, scale: scale)
          ranks.append(Double(rank))
          losses += loss
        }
      }
    }
    return Evaluation(
      metrics: task.metrics(
        of: ranks, targets: data.targets, loss: losses / Double(max(1, pairs.count)),
        terms: pairs.count), answers: ranks)
  }

  /// The number of first texts whose cosines with all second texts are held.
  private static let rankedAtOnce = 256
}

/// The distinct second texts of pairs.
private struct Candidates {
  /// The first pair of each candidate.
  private(set) var rows: [Int] = []
  /// The candidate of each pair.
  private var own: [Int] = []
  /// The candidates of all pairs with the same first text, for each pair.
  private var right: [Set<Int>] = []

  init(_ pairs: [(first: [Int32], second: [Int32])]) {
    var places: [[Int32]: Int] = [:]
    var groups: [[Int32]: Set<Int>] = [:]
    for (index, pair) in pairs.enumerated() {
      let place = places[pair.second] ?? rows.count
      if place == rows.count {
        places[pair.second] = place
        rows.append(index)
      }
      own.append(place)
      groups[pair.first, default: []].insert(place)
    }
    right = pairs.map { groups[$0.first] ?? [] }
  }

  var count: Int { rows.count }

  /// The rank of the query's own candidate among its `cosines` with all candidates, and the loss.
  func rank(
    _ query: Int, among cosines: UnsafeBufferPointer<Float>, scale: Double
  ) -> (rank: Int, loss: Double) {
    let mine = cosines[own[query]]
    var (rank, sum) = (1, 0.0)
    for (candidate, cosine) in cosines.enumerated() {
      let isWrong = !right[query].contains(candidate)
      // A cosine that is no number counts against the query.
      if isWrong, !(cosine < mine) { rank += 1 }
      if isWrong || candidate == own[query] { sum += exp(scale * Double(cosine - mine)) }
    }
    return (rank, log(sum))
  }
}
