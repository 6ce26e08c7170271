import PEFTModels
import PEFTTensor

extension TransformerModel {
  /// Tokens of a batch of an evaluation.
  static var evaluationTokens: Int { 4096 }

  /// The batches of an evaluation of the examples `range`, as indices: similar lengths together.
  static func evaluationBatches(of data: EncodedDataset, _ range: Range<Int>) -> [[Int]] {
    let order = range.sorted { (data.lengths[$0], $0) < (data.lengths[$1], $1) }
    return BatchPlan(size: .tokens(evaluationTokens))
      .batchesInOrder(lengths: order.map { data.lengths[$0] })
      .map { positions in positions.map { order[$0] } }
  }

  /// The most logits that predictions are put in order with, 64 MiB, and the most
  /// examples: then they are told.
  private static let predictionLimits = (logits: 1 << 24, examples: 1 << 14)

  /// Calls `body` with the C logits of each example of `data`, in their order.
  ///
  /// The model must be one with classes or a value. Runs without dropout and without recording
  /// anything; examples of similar length are batched together, among so many at a time that their
  /// logits take at most 64 MiB.
  public func predict(
    _ data: EncodedDataset, _ body: (_ logits: [Float]) throws -> Void
  ) rethrows {
    guard case .classes(let width, _) = output else {
      preconditionFailure("predict: a language model has no classes")
    }
    let step = max(1, min(Self.predictionLimits.examples, Self.predictionLimits.logits / width))
    for start in stride(from: 0, to: data.count, by: step) {
      let range = start..<min(data.count, start + step)
      let found = frozen { logits(of: data, range, width: width) }
      for row in range.indices.map({ $0 - start }) {
        try body(Array(found[row * width..<(row + 1) * width]))
      }
    }
  }

  private func logits(of data: EncodedDataset, _ range: Range<Int>, width: Int) -> [Float] {
    var logits = [Float](repeating: 0, count: range.count * width)
    for indices in Self.evaluationBatches(of: data, range) {
      self(data.texts(indices), on: Tape()).value.withUnsafeElements { elements in
        for (row, index) in indices.enumerated() {
          let place = (index - range.lowerBound) * width
          logits.replaceSubrange(
            place..<place + width, with: elements[row * width..<(row + 1) * width])
        }
      }
    }
    return logits
  }
}
