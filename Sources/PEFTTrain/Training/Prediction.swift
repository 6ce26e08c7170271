import PEFTData
import PEFTModels
import PEFTTensor

extension TransformerModel {
  /// The number of tokens per batch of an evaluation.
  package static var evaluationTokens: Int { 4096 }

  /// The batches for an evaluation of the examples `range`, as indices, with similar lengths
  /// together.
  package static func evaluationBatches(of data: EncodedDataset, _ range: Range<Int>) -> [[Int]] {
    let order = range.sorted { (data.lengths[$0], $0) < (data.lengths[$1], $1) }
    return BatchPlan(size: .tokens(evaluationTokens))
      .batchesInOrder(lengths: order.map { data.lengths[$0] })
      .map { positions in positions.map { order[$0] } }
  }

  /// The largest number of logits (64 MiB) and of examples that are held to restore the order of
  /// predictions; beyond these limits they are passed to the caller.
  private static let predictionLimits = (logits: 1 << 24, examples: 1 << 14)

  /// Calls `body` with the logits of each example of `data`, in order: C numbers for each predicted
  /// row, row after row; for a pair of texts that is compared, their cosine.
  ///
  /// The model must predict classes or a value, or compare pairs. It runs without dropout and
  /// without recording. Examples of similar length are batched together, within groups of examples
  /// whose logits take at most 64 MiB.
  public func predict(
    _ data: EncodedDataset, _ body: (_ logits: [Float]) throws -> Void
  ) rethrows {
    guard output != .vocabulary else {
      preconditionFailure("predict: a language model has no classes")
    }
    let width = output.classCount ?? 1
    var start = 0
    while start < data.count {
      let range = start..<end(of: data, from: start, width: width)
      let found = frozen { logits(of: data, range, width: width) }
      for logits in found { try body(logits) }
      start = range.upperBound
    }
  }

  /// The end of the range of examples from `start` whose logits may be held at once.
  private func end(of data: EncodedDataset, from start: Int, width: Int) -> Int {
    var (end, logits) = (start, 0)
    while end < data.count, end - start < Self.predictionLimits.examples {
      logits += width * data.predictedCount(end)
      if end > start, logits > Self.predictionLimits.logits { break }
      end += 1
    }
    return end
  }

  private func logits(of data: EncodedDataset, _ range: Range<Int>, width: Int) -> [[Float]] {
    var logits = [[Float]](repeating: [], count: range.count)
    for indices in Self.evaluationBatches(of: data, range) {
      if case .pairs = output {
        let pairs = features(data.texts(indices), on: Tape()).value.withNormalizedRows
        for (place, index) in indices.enumerated() {
          logits[index - range.lowerBound] = [pairs.cosine(2 * place, 2 * place + 1)]
        }
        continue
      }
      let output = self(data.texts(indices), on: Tape())
      output.value.withUnsafeElements { elements in
        for (example, index) in indices.enumerated() {
          let rows = output.partition[example]
          logits[index - range.lowerBound] = Array(
            elements[rows.lowerBound * width..<rows.upperBound * width])
        }
      }
    }
    return logits
  }
}
