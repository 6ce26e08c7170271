import Foundation
import PEFTTensor

extension OperationCase {
  /// Attention without its softmax in sequences of one token: three inputs, one input, and heads
  /// that share keys and values.
  static func scoredValues(_ lengths: [Int]) -> [OperationCase] {
    @Sendable func reference(
      _ queries: DoubleMatrix, _ keys: DoubleMatrix, _ values: DoubleMatrix, shared: Int = 1
    ) -> DoubleMatrix {
      DoubleMatrix(rows: queries.rows, columns: queries.columns) { row, column in
        let (head, place) = column.quotientAndRemainder(dividingBy: 3)
        let own = 3 * (head / shared)
        let score = (0..<3).reduce(0) { $0 + queries[row, 3 * head + $1] * keys[row, own + $1] }
        return score / 3.0.squareRoot() * values[row, own + place]
      }
    }
    @Sendable func apply(_ tape: Tape, _ inputs: [Variable], _ keyValueHeads: Int) -> Variable {
      tape.scoredValues(inputs, heads: 4, keyValueHeads: keyValueHeads, headWidth: 3)
    }
    return [
      OperationCase(
        name: "scoredValues", lengths: lengths, inputs: [12, 12, 12],
        apply: { tape, inputs, _ in apply(tape, inputs, 4) },
        reference: { reference($0[0], $0[1], $0[2]) }),
      OperationCase(
        name: "scoredValues, shared keys", lengths: lengths, inputs: [12, 6, 6],
        apply: { tape, inputs, _ in apply(tape, inputs, 2) },
        reference: { reference($0[0], $0[1], $0[2], shared: 2) }),
      OperationCase(
        name: "scoredValues, joint", lengths: lengths, inputs: [36],
        apply: { tape, inputs, _ in apply(tape, inputs, 4) },
        reference: { leaves in
          let parts = (0..<3).map { part in
            DoubleMatrix(rows: leaves[0].rows, columns: 12) { leaves[0][$0, 12 * part + $1] }
          }
          return reference(parts[0], parts[1], parts[2])
        }),
    ]
  }

  /// Attention with and without dropout, with three inputs and with one, and with grouped queries.
  static func attentions(_ lengths: [Int]) -> [OperationCase] {
    let separate = [(heads: 1, width: 5), (heads: 3, width: 21)].flatMap { heads, width in
      [(0, false), (0.3, false), (0.3, true)].map { probability, isCausal in
        OperationCase(
          name: "attention, \(heads) heads, dropout \(probability), causal \(isCausal)",
          lengths: lengths, inputs: [width, width, width],
          apply: { tape, inputs, _ in
            tape.attention(
              queries: inputs[0], keys: inputs[1], values: inputs[2], heads: heads,
              isCausal: isCausal, dropout: probability)
          },
          reference: {
            attended(
              $0[0], $0[1], $0[2], heads: heads, lengths, isCausal: isCausal, dropout: probability)
          })
      }
    }
    let joint = [(0, true), (0.3, false)].map { probability, isCausal in
      OperationCase(
        name: "joint attention, dropout \(probability), causal \(isCausal)", lengths: lengths,
        inputs: [18],
        apply: { tape, inputs, _ in
          tape.attention(
            queriesKeysValues: inputs[0], heads: 2, isCausal: isCausal, dropout: probability)
        },
        reference: { leaves in
          let parts = (0..<3).map { part in
            DoubleMatrix(rows: leaves[0].rows, columns: 6) { leaves[0][$0, 6 * part + $1] }
          }
          return attended(
            parts[0], parts[1], parts[2], heads: 2, lengths, isCausal: isCausal,
            dropout: probability)
        })
    }
    let again = OperationCase(
      name: "recomputed attention with dropout", lengths: lengths, inputs: [6],
      parameters: [[6, 6]],
      apply: { tape, inputs, parameters in
        tape.recomputed(inputs[0]) { x, tape in
          let y = tape.linear(x, weight: parameters[0])
          return tape.attention(
            queries: y, keys: x, values: y, heads: 2, isCausal: true, dropout: 0.3)
        }
      },
      reference: { leaves in
        let y = leaves[0] * leaves[1].transposed
        return attended(
          y, leaves[0], y, heads: 2, lengths, isCausal: true, dropout: 0.3)
      })
    let shared = OperationCase(
      name: "attention, one input three times", lengths: lengths, inputs: [6],
      apply: { tape, inputs, _ in
        tape.attention(queries: inputs[0], keys: inputs[0], values: inputs[0], heads: 2)
      },
      reference: { attended($0[0], $0[0], $0[0], heads: 2, lengths, dropout: 0) })
    return separate + joint + [shared, again] + grouped(lengths) + biased(lengths)
      + windowed(lengths)
  }

  /// Biases by the distance between tokens: 0 to 2 in each direction and more, where the last row
  /// of one direction is never read.
  private static func biased(_ lengths: [Int]) -> [OperationCase] {
    let row = { @Sendable (distance: Int) in
      distance > 0 ? 3 + min(distance, 3) : min(-distance, 3)
    }
    let separate = [(0, false), (0.3, false), (0.3, true)].map { probability, isCausal in
      OperationCase(
        name: "attention with position biases, dropout \(probability), causal \(isCausal)",
        lengths: lengths, inputs: [21, 21, 21], parameters: [[8, 3]],
        apply: { tape, inputs, parameters in
          tape.attention(
            queries: inputs[0], keys: inputs[1], values: inputs[2], heads: 3, isCausal: isCausal,
            bias: RelativePositionBias(parameters[0], row: row), dropout: probability)
        },
        reference: {
          attended(
            $0[0], $0[1], $0[2], heads: 3, lengths, isCausal: isCausal, dropout: probability
          ) { [biases = $0[3]] head, distance in biases[row(distance), head] }
        })
    }
    let grouped = OperationCase(
      name: "attention with position biases, 4 heads on 2", lengths: lengths,
      inputs: [20, 10, 10], parameters: [[8, 4]],
      apply: { tape, inputs, parameters in
        tape.attention(
          queries: inputs[0], keys: inputs[1], values: inputs[2], heads: 4, keyValueHeads: 2,
          bias: RelativePositionBias(parameters[0], row: row), dropout: 0.3)
      },
      reference: {
        attended($0[0], $0[1], $0[2], heads: 4, keyValueHeads: 2, lengths, dropout: 0.3) {
          [biases = $0[3]] head, distance in biases[row(distance), head]
        }
      })
    // The table is read by two operations, the first of which is recomputed.
    let twice = OperationCase(
      name: "attention twice with the same position biases", lengths: lengths, inputs: [6],
      parameters: [[8, 2]], operationCount: 2,
      apply: { tape, inputs, parameters in
        let bias = RelativePositionBias(parameters[0], row: row)
        let first = tape.recomputed(inputs[0]) { x, tape in
          tape.attention(queries: x, keys: x, values: x, heads: 2, bias: bias)
        }
        return tape.attention(queries: first, keys: first, values: first, heads: 2, bias: bias)
      },
      reference: { leaves in
        let bias = { (head: Int, distance: Int) in leaves[1][row(distance), head] }
        let x = leaves[0]
        let first = attended(x, x, x, heads: 2, lengths, dropout: 0, bias: bias)
        return attended(first, first, first, heads: 2, lengths, dropout: 0, bias: bias)
      })
    return separate + [grouped, twice]
  }

  /// Windows of one token, of a few, and of as many as there are.
  private static func windowed(_ lengths: [Int]) -> [OperationCase] {
    let row = { @Sendable (distance: Int) in
      distance > 0 ? 3 + min(distance, 3) : min(-distance, 3)
    }
    let plain = [(1, 0, false), (2, 0, false), (3, 0.3, false), (2, 0.3, true), (300, 0.3, false)]
      .map { (window: Int, probability, isCausal) in
        OperationCase(
          name: "attention within \(window), dropout \(probability), causal \(isCausal)",
          lengths: lengths, inputs: [20, 10, 10],
          apply: { tape, inputs, _ in
            tape.attention(
              queries: inputs[0], keys: inputs[1], values: inputs[2], heads: 4, keyValueHeads: 2,
              isCausal: isCausal, window: window, dropout: probability)
          },
          reference: {
            attended(
              $0[0], $0[1], $0[2], heads: 4, keyValueHeads: 2, lengths, isCausal: isCausal,
              window: window, dropout: probability)
          })
      }
    let biased = OperationCase(
      name: "attention within 4, with position biases", lengths: lengths, inputs: [21, 21, 21],
      parameters: [[8, 3]],
      apply: { tape, inputs, parameters in
        tape.attention(
          queries: inputs[0], keys: inputs[1], values: inputs[2], heads: 3, window: 4,
          bias: RelativePositionBias(parameters[0], row: row), dropout: 0.3)
      },
      reference: {
        attended($0[0], $0[1], $0[2], heads: 3, lengths, window: 4, dropout: 0.3) {
          [biases = $0[3]] head, distance in biases[row(distance), head]
        }
      })
    return plain + [biased]
  }

  /// Query heads that share one head of keys and values, in pairs or all of them.
  private static func grouped(_ lengths: [Int]) -> [OperationCase] {
    let separate = [(2, 0, true), (2, 0.3, false), (1, 0.3, true), (1, 0, false)].map {
      keyValueHeads, probability, isCausal in
      OperationCase(
        name: "attention, 4 heads on \(keyValueHeads), dropout \(probability), causal \(isCausal)",
        lengths: lengths, inputs: [20, 5 * keyValueHeads, 5 * keyValueHeads],
        apply: { tape, inputs, _ in
          tape.attention(
            queries: inputs[0], keys: inputs[1], values: inputs[2], heads: 4,
            keyValueHeads: keyValueHeads, isCausal: isCausal, dropout: probability)
        },
        reference: {
          attended(
            $0[0], $0[1], $0[2], heads: 4, keyValueHeads: keyValueHeads, lengths,
            isCausal: isCausal, dropout: probability)
        })
    }
    let joint = OperationCase(
      name: "joint attention, 6 heads on 2", lengths: lengths, inputs: [30],
      apply: { tape, inputs, _ in
        tape.attention(
          queriesKeysValues: inputs[0], heads: 6, keyValueHeads: 2, isCausal: true, dropout: 0.3)
      },
      reference: { leaves in
        let parts = [0..<18, 18..<24, 24..<30].map { columns in
          DoubleMatrix(rows: leaves[0].rows, columns: columns.count) {
            leaves[0][$0, columns.lowerBound + $1]
          }
        }
        return attended(
          parts[0], parts[1], parts[2], heads: 6, keyValueHeads: 2, lengths, isCausal: true,
          dropout: 0.3)
      })
    return separate + [joint]
  }

  private static func attended(
    _ queries: DoubleMatrix, _ keys: DoubleMatrix, _ values: DoubleMatrix, heads: Int,
    keyValueHeads: Int? = nil, _ lengths: [Int], isCausal: Bool = false,
    window: Int? = nil, dropout probability: Double,
    bias: (_ head: Int, _ distance: Int) -> Double = { _, _ in 0 }
  ) -> DoubleMatrix {
    let width = queries.columns / heads
    var result = DoubleMatrix(rows: 0, columns: queries.columns) { _, _ in 0 }
    var (start, maskOffset) = (0, 0)
    for length in lengths {
      let outputs = (0..<heads).map { head in
        let part = { (x: DoubleMatrix, head: Int) in
          DoubleMatrix(rows: length, columns: width) { x[start + $0, head * width + $1] }
        }
        let shared = head / (heads / (keyValueHeads ?? heads))
        let scores =
          1 / Double(width).squareRoot()
          * (part(queries, head) * part(keys, shared).transposed)
          + DoubleMatrix(rows: length, columns: length) { bias(head, $1 - $0) }
        let rows = (0..<length).map { row -> [Double] in
          let first = max(0, row - (window ?? length))
          let last = min(isCausal ? row : length - 1, row + (window ?? length))
          return Array(repeating: 0, count: first)
            + ReferenceKernels.softmax(Array(scores[row: row][first...last]))
            + Array(repeating: 0, count: length - 1 - last)
        }
        let probabilities = DoubleMatrix(rows: length, columns: length) { rows[$0][$1] }
        let offset = maskOffset + head * length * length
        return dropped(probabilities, probability: probability, offset: offset)
          * part(values, shared)
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
