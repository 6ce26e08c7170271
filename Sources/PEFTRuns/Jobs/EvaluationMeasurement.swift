import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTTensor
import PEFTTrain

/// Measures the memory of evaluations by a forward pass over a few of their examples.
struct EvaluationMeasurement {
  /// The model.
  let model: TransformerModel
  /// The data sets to evaluate, at least one.
  let data: [EncodedDataset]

  /// The peak bytes of activations of an evaluation, measured on the examples `indices` of the
  /// first data set. Afterwards the parameters have their plain values in memory, not only the
  /// packed form.
  func bytes(_ indices: [Int]) -> Int {
    let first = data[0]
    let length = indices.reduce(0) { $0 + first.lengths[$1] }
    let texts = first.texts(indices)
    for entry in model.parameters { entry.parameter.unpack() }
    let before = TensorMemory.current.bytesInUse
    TensorMemory.resetPeak()
    let isClassifier = model.vocabulary == nil
    // The logits of classes grow with the examples, not with the tokens.
    model.frozen {
      _ = isClassifier ? model.hidden(texts, on: Tape()) : model(texts, on: Tape())
    }
    let peak = TensorMemory.current.peakBytesInUse - before
    // A layer holds its input and output for all tokens, and everything else for the tokens that it
    // computes at once.
    let outside = 8 * model.configuration.hiddenSize
    func atOnce(_ tokens: Int, _ lengths: some Sequence<Int>) -> Double {
      Double(min(tokens, max(TransformerModel.pieceTokens, lengths.max() ?? 0)))
    }
    let inside =
      Double(peak - outside * length) / max(1, atOnce(length, indices.map { first.lengths[$0] }))
    let most = data.map { $0.lengths.reduce(0, +) }.max() ?? 0
    let tokens = min(TransformerModel.evaluationTokens, most)
    let logits = isClassifier ? data.map(mostLogits).max() ?? 0 : 0
    return outside * tokens + MemoryLayout<Float>.stride * logits
      + Int(saturating: max(0, inside) * atOnce(tokens, data.lazy.flatMap(\.lengths)))
  }

  /// The number of logits in the evaluation batch with the most examples.
  private func mostLogits(of data: EncodedDataset) -> Int {
    guard let width = model.output.classCount else { return 0 }
    let batches = TransformerModel.evaluationBatches(of: data, 0..<data.count)
    return width * (batches.map(\.count).max() ?? 0)
  }
}
