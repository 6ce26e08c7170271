import PEFTTensor

extension OperationCase {
  /// The further operations of language models: row selection, and the loss over a vocabulary.
  static func languages(_ lengths: [Int]) -> [OperationCase] {
    let count = lengths.reduce(0, +)
    let chosen = (0..<count).filter { $0 % 3 != 1 }
    let rows = OperationCase(
      name: "rows", lengths: lengths, inputs: [5],
      apply: { tape, inputs, _ in tape.rows(inputs[0], at: chosen) },
      reference: { leaves in
        DoubleMatrix(rows: chosen.count, columns: 5) { leaves[0][chosen[$0], $1] }
      })
    let labels = (0..<count).map { 5 * $0 % 7 }
    let losses = [(false, 0), (false, 0.1), (true, 0), (true, 0.1)].map { hasBias, smoothing in
      OperationCase(
        name: "crossEntropy over a vocabulary, bias \(hasBias), smoothing \(smoothing)",
        lengths: lengths, inputs: [6], parameters: [[7, 6]] + (hasBias ? [[7]] : []),
        apply: { tape, inputs, parameters in
          tape.crossEntropy(
            inputs[0],
            VocabularyMap(table: parameters[0], bias: hasBias ? parameters[1] : nil),
            labels: labels.map(Int32.init), labelSmoothing: smoothing
          ).variable
        },
        reference: { leaves in
          let products = leaves[0] * leaves[1].transposed
          let logits = hasBias ? products.addingToRows(leaves[2]) : products
          let total = labels.enumerated().reduce(0.0) { sum, item in
            let row = logits[row: item.offset]
            let target = (1 - smoothing) * row[item.element] + smoothing * row.reduce(0, +) / 7
            return sum + ReferenceKernels.logSumExp(row) - target
          }
          return DoubleMatrix(rows: 1, columns: 1) { _, _ in total / Double(count) }
        })
    }
    return [rows] + losses
  }
}
