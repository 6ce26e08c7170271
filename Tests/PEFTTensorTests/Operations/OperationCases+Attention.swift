import PEFTTensor

extension OperationCase {
  /// Attention with and without dropout, with three inputs and with one.
  static func attentions(_ lengths: [Int]) -> [OperationCase] {
    let separate = [(heads: 1, width: 5), (heads: 3, width: 21)].flatMap { heads, width in
      [0, 0.3].map { probability in
        OperationCase(
          name: "attention, \(heads) heads, dropout \(probability)", lengths: lengths,
          inputs: [width, width, width],
          apply: { tape, inputs, _ in
            tape.attention(
              queries: inputs[0], keys: inputs[1], values: inputs[2], heads: heads,
              dropout: probability)
          },
          reference: {
            attended($0[0], $0[1], $0[2], heads: heads, lengths, dropout: probability)
          })
      }
    }
    let shared = OperationCase(
      name: "attention, one input three times", lengths: lengths, inputs: [6],
      apply: { tape, inputs, _ in
        tape.attention(queries: inputs[0], keys: inputs[0], values: inputs[0], heads: 2)
      },
      reference: { attended($0[0], $0[0], $0[0], heads: 2, lengths, dropout: 0) })
    return separate + [shared]
  }

  private static func attended(
    _ queries: DoubleMatrix, _ keys: DoubleMatrix, _ values: DoubleMatrix, heads: Int,
    _ lengths: [Int], dropout probability: Double
  ) -> DoubleMatrix {
    let width = queries.columns / heads
    var result = DoubleMatrix(rows: 0, columns: queries.columns) { _, _ in 0 }
    var (start, maskOffset) = (0, 0)
    for length in lengths {
      let outputs = (0..<heads).map { head in
        let part = { (x: DoubleMatrix) in
          DoubleMatrix(rows: length, columns: width) { x[start + $0, head * width + $1] }
        }
        let scores = 1 / Double(width).squareRoot() * (part(queries) * part(keys).transposed)
        let rows = (0..<length).map { ReferenceKernels.softmax(scores[row: $0]) }
        let probabilities = DoubleMatrix(rows: length, columns: length) { rows[$0][$1] }
        let offset = maskOffset + head * length * length
        return dropped(probabilities, probability: probability, offset: offset) * part(values)
      }
      result = result.above(
        DoubleMatrix(rows: length, columns: queries.columns) {
          outputs[$1 / width][$0, $1 % width]
        })
      start += length
      maskOffset += heads * length * length
    }
    return result
  }
}
