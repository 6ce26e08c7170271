import Foundation
import PEFTTensor

extension OperationCase {
  /// Every operation, on batches of unequal lengths and odd widths.
  static let all: [OperationCase] = {
    let plain = batches.flatMap { lengths -> [OperationCase] in
      [linears, rowwise, pools, losses, languages, decoders].flatMap { $0(lengths) }
    }
    // A single row attends only to itself, whatever its query and key, so there is nothing to
    // measure. 150 rows take several blocks of attention.
    return plain + batches.dropFirst().flatMap(attentions)
      + attentions([3, 0, 2]) + attentions([150, 2]) + [[1], [1, 1, 1]].flatMap(scoredValues)
  }()

  private static let batches = [[1], [5, 1, 3], [17, 2, 31]]

  private static func linears(_ lengths: [Int]) -> [OperationCase] {
    let map = OperationCase(
      name: "linear", lengths: lengths, inputs: [7], parameters: [[5, 7], [5]],
      apply: { $0.linear($1[0], weight: $2[0], bias: $2[1]) },
      reference: { ($0[0] * $0[1].transposed).addingToRows($0[2]) })
    let withoutBias = OperationCase(
      name: "linear without bias", lengths: lengths, inputs: [33], parameters: [[1, 33]],
      apply: { $0.linear($1[0], weight: $2[0]) },
      reference: { $0[0] * $0[1].transposed })
    let tied = OperationCase(
      name: "linear twice with one weight", lengths: lengths, inputs: [7], parameters: [[7, 7]],
      operationCount: 2,
      apply: { $0.linear($0.linear($1[0], weight: $2[0]), weight: $2[0]) },
      reference: { $0[0] * $0[1].transposed * $0[1].transposed })
    let activated = OperationCase(
      name: "linear with an activation", lengths: lengths, inputs: [7],
      parameters: [[35, 7], [35]],
      operationCount: 2,
      apply: { $0.linear($1[0], weight: $2[0], bias: $2[1], activation: .gelu) },
      reference: { ($0[0] * $0[1].transposed).addingToRows($0[2]).map(ReferenceKernels.gelu) })
    // The same cotangent arrives at the activation and at its input.
    let shared = OperationCase(
      name: "an activation beside its input", lengths: lengths, inputs: [7], parameters: [[35, 7]],
      operationCount: 3,
      apply: { tape, inputs, parameters in
        let x = tape.linear(inputs[0], weight: parameters[0])
        return tape.add(tape.activation(x, .gelu), x)
      },
      reference: {
        let x = $0[0] * $0[1].transposed
        return x.map(ReferenceKernels.gelu) + x
      })
    // Columns of one map that are used in different ways, and columns that nothing uses.
    let gated = OperationCase(
      name: "columns of a linear map", lengths: lengths, inputs: [7], parameters: [[11, 7]],
      operationCount: 4,
      apply: { tape, inputs, parameters in
        let x = tape.linear(inputs[0], weight: parameters[0])
        return tape.product(tape.columns(x, 0..<5), tape.columns(x, 5..<10))
      },
      reference: {
        let x = $0[0] * $0[1].transposed
        return DoubleMatrix(rows: x.rows, columns: 5) { x[$0, $1] * x[$0, 5 + $1] }
      })
    return [map, withoutBias, tied, activated, shared, gated]
      + [0, 0.3].map { lowRank(lengths, dropout: $0) }
      + [lowRank(lengths, inputs: 61, outputs: 99, dropout: 0)]
      + [lowRankChange(lengths)]
      + [core(lengths, inputs: 9, outputs: 5), core(lengths, inputs: 61, outputs: 99)]
      + [projection(lengths, inputs: 9, outputs: 5), projection(lengths, inputs: 61, outputs: 99)]
      + [(9, 4), (61, 3), (5, 1)].map { reflections(lengths, width: $0, count: $1) }
      + [innerProducts(lengths), addedBias(lengths), tensorProduct(lengths)]
      + [(5, 9), (9, 5), (7, 7)].map { randomBases(lengths, inputs: $0, outputs: $1) }
  }

  private static func innerProducts(_ lengths: [Int]) -> OperationCase {
    OperationCase(
      name: "innerProducts", lengths: lengths, inputs: [5, 5],
      apply: { tape, inputs, _ in tape.innerProducts(inputs[0], inputs[1]) },
      reference: { $0[0] * $0[1].transposed })
  }

  private static func addedBias(_ lengths: [Int]) -> OperationCase {
    let vector = frame(1, 7)
    return OperationCase(
      name: "addedBias", lengths: lengths, inputs: [7], parameters: [[5, 7], [7, 5]],
      apply: { $0.addedBias($1[0], from: vector, down: $2[0], up: $2[1]) },
      reference: { arguments in
        let hidden = (DoubleMatrix(vector) * arguments[1].transposed).map { max(0, $0) }
        return arguments[0].addingToRows(hidden * arguments[2].transposed)
      })
  }

  /// Columns of B and rows of A that are not used, and rows of other heads, kinds and layers.
  private static func tensorProduct(_ lengths: [Int]) -> OperationCase {
    OperationCase(
      name: "tensorProduct", lengths: lengths, inputs: [9],
      parameters: [[2, 4], [3, 2], [2, 2], [3, 2], [7, 2]],
      apply: { tape, inputs, parameters in
        let factors = TensorFactors(
          down: parameters[0], heads: parameters[1], kinds: parameters[2], layers: parameters[3],
          up: parameters[4])
        return tape.tensorProduct(
          inputs[0], factors, kind: 1, layer: 2, outputs: 5, scale: 1.7)
      },
      reference: { arguments in
        let weight = DoubleMatrix(rows: 5, columns: 9) { row, column in
          (0..<2).reduce(0) { sum, rank in
            let middle = arguments[3][1, rank] * arguments[4][2, rank]
            let inner = arguments[2][column / 3, rank] * arguments[1][rank, column % 3]
            return sum + arguments[5][row, rank] * middle * inner
          }
        }
        return 1.7 * (arguments[0] * weight.transposed)
      })
  }

  /// Three bases of rank 3, of which the last has more rows than the smaller side needs.
  private static func randomBases(
    _ lengths: [Int], inputs: Int, outputs: Int
  ) -> OperationCase {
    let (small, large) = (min(inputs, outputs), max(inputs, outputs))
    let (down, up) = (frame(3, small), frame(large, 9))
    return OperationCase(
      name: "randomBasesProduct, \(inputs) to \(outputs)", lengths: lengths, inputs: [inputs],
      parameters: [[3, 3], [3, small]],
      apply: { tape, inputs, parameters in
        tape.randomBasesProduct(
          inputs[0],
          RandomBases(down: down, up: up, for: [outputs, inputs[0].value.shape.columns]),
          weights: parameters[0], scales: parameters[1], scale: 0.5)
      },
      reference: { arguments in
        let (a, b) = (DoubleMatrix(down), DoubleMatrix(up))
        let matrix = DoubleMatrix(rows: large, columns: small) { row, column in
          (0..<3).reduce(0) { sum, i in
            (0..<3).reduce(sum) {
              $0 + arguments[1][i, $1] * b[row, 3 * i + $1] * a[i, column]
                * arguments[2][$1, column]
            }
          }
        }
        return 0.5 * (arguments[0] * (inputs > outputs ? matrix : matrix.transposed))
      })
  }

  private static func lowRank(
    _ lengths: [Int], inputs: Int = 9, outputs: Int = 5, dropout probability: Double
  ) -> OperationCase {
    OperationCase(
      name: "lowRankLinear, \(inputs) to \(outputs), dropout \(probability)", lengths: lengths,
      inputs: [inputs],
      parameters: [[outputs, inputs], [outputs], [3, inputs], [outputs, 3]],
      apply: {
        $0.lowRankLinear(
          $1[0], weight: $2[0], bias: $2[1], down: $2[2], up: $2[3], scale: 1.7,
          dropout: probability)
      },
      reference: {
        ($0[0] * $0[1].transposed).addingToRows($0[2])
          + 1.7
          * (dropped($0[0], probability: probability) * $0[3].transposed * $0[4].transposed)
      })
  }

  /// A constant matrix.
  private static func frame(_ rows: Int, _ columns: Int) -> Tensor {
    let elements = (0..<rows * columns).map { index -> Float in
      let remainder = Float((index * 7 + 3) % 11)
      return remainder / 11 - 0.5
    }
    return Tensor(elements, shape: [rows, columns])
  }

  private static func lowRankChange(_ lengths: [Int]) -> OperationCase {
    let (down, up) = (frame(3, 9), frame(5, 3))
    return OperationCase(
      name: "lowRankLinear minus its start", lengths: lengths, inputs: [9],
      parameters: [[5, 9], [5], [3, 9], [5, 3]],
      apply: {
        $0.lowRankLinear(
          $1[0], weight: $2[0], bias: $2[1], down: $2[2], up: $2[3], scale: 1.7, dropout: 0.3,
          minus: (down, up))
      },
      reference: {
        let trained = dropped($0[0], probability: 0.3) * $0[3].transposed * $0[4].transposed
        let start = $0[0] * DoubleMatrix(down).transposed * DoubleMatrix(up).transposed
        return ($0[0] * $0[1].transposed).addingToRows($0[2]) + 1.7 * trained + -1.7 * start
      })
  }

  private static func projection(_ lengths: [Int], inputs: Int, outputs: Int) -> OperationCase {
    let (down, up) = (frame(6, inputs), frame(outputs, 6))
    return OperationCase(
      name: "scaledProjectionLinear, \(inputs) to \(outputs)", lengths: lengths, inputs: [inputs],
      parameters: [[outputs, inputs], [outputs], [6], [outputs]],
      apply: {
        $0.scaledProjectionLinear(
          $1[0], weight: $2[0], bias: $2[1], down: down, innerScale: $2[2], up: up,
          outerScale: $2[3])
      },
      reference: { arguments in
        func scaled(_ x: DoubleMatrix, by scale: DoubleMatrix) -> DoubleMatrix {
          DoubleMatrix(rows: x.rows, columns: x.columns) { x[$0, $1] * scale[0, $1] }
        }
        let inner = scaled(arguments[0] * DoubleMatrix(down).transposed, by: arguments[3])
        let delta = scaled(inner * DoubleMatrix(up).transposed, by: arguments[4])
        return (arguments[0] * arguments[1].transposed).addingToRows(arguments[2]) + delta
      })
  }

  private static func reflections(_ lengths: [Int], width: Int, count: Int) -> OperationCase {
    OperationCase(
      name: "reflectedColumns, \(width) by \(count)", lengths: lengths, inputs: [width],
      parameters: [[width, count]],
      apply: { $0.reflectedColumns($1[0], by: $2[0]) },
      reference: { arguments in
        // x H_R ⋯ H₁, one reflection after the other.
        (0..<count).reversed().reduce(arguments[0]) { x, number in
          let column = DoubleMatrix(rows: width, columns: 1) { row, _ in arguments[1][row, number] }
          let square = (column.transposed * column)[0, 0]
          return x + (-2 / square) * (x * column * column.transposed)
        }
      })
  }

  private static func core(_ lengths: [Int], inputs: Int, outputs: Int) -> OperationCase {
    let (down, up) = (frame(3, inputs), frame(outputs, 3))
    return OperationCase(
      name: "coreLinear, \(inputs) to \(outputs)", lengths: lengths, inputs: [inputs],
      parameters: [[outputs, inputs], [outputs], [3, 3]],
      apply: {
        $0.coreLinear($1[0], weight: $2[0], bias: $2[1], down: down, core: $2[2], up: up)
      },
      reference: {
        let inner = $0[0] * DoubleMatrix(down).transposed
        let delta = inner * $0[3].transposed * DoubleMatrix(up).transposed
        return ($0[0] * $0[1].transposed).addingToRows($0[2]) + delta
      })
  }

  private static func rowwise(_ lengths: [Int]) -> [OperationCase] {
    let norm = OperationCase(
      name: "layerNorm", lengths: lengths, inputs: [7], parameters: [[7], [7]],
      apply: { $0.layerNorm($1[0], scale: $2[0], shift: $2[1], epsilon: 1e-5) },
      reference: { normalized($0[0], scale: $0[1], shift: $0[2]) })
    let residualNorm = OperationCase(
      name: "layerNorm with residual", lengths: lengths, inputs: [33, 33],
      parameters: [[33], [33]],
      apply: {
        $0.layerNorm($1[0], residual: $1[1], scale: $2[0], shift: $2[1], epsilon: 1e-5)
      },
      reference: { normalized($0[0] + $0[1], scale: $0[2], shift: $0[3]) })
    let doubledNorm = OperationCase(
      name: "layerNorm with its input as residual", lengths: lengths, inputs: [5],
      parameters: [[5], [5]],
      apply: {
        $0.layerNorm($1[0], residual: $1[0], scale: $2[0], shift: $2[1], epsilon: 1e-5)
      },
      reference: { normalized(2 * $0[0], scale: $0[1], shift: $0[2]) })
    let drop = OperationCase(
      name: "dropout", lengths: lengths, inputs: [19],
      apply: { tape, inputs, _ in tape.dropout(inputs[0], probability: 0.4) },
      reference: { dropped($0[0], probability: 0.4) })
    let functions: [(Activation, @Sendable (Double) -> Double)] = [
      (.gelu, ReferenceKernels.gelu), (.geluTanh, ReferenceKernels.geluTanh),
      (.tanh, { tanh($0) }), (.silu, ReferenceKernels.silu), (.relu, ReferenceKernels.relu),
    ]
    let activations = functions.map { activation, function in
      OperationCase(
        name: "activation \(activation)", lengths: lengths, inputs: [13],
        apply: { tape, inputs, _ in tape.activation(inputs[0], activation) },
        reference: { $0[0].map(function) })
    }
    let sum = OperationCase(
      name: "add", lengths: lengths, inputs: [9, 9],
      apply: { tape, inputs, _ in tape.add(inputs[0], inputs[1]) },
      reference: { $0[0] + $0[1] })
    let difference = OperationCase(
      name: "add with a factor", lengths: lengths, inputs: [9, 9],
      apply: { tape, inputs, _ in tape.add(inputs[0], inputs[1], scaledBy: -0.75) },
      reference: { $0[0] + -0.75 * $0[1] })
    return [norm, residualNorm, doubledNorm, drop, embedding(lengths), sum, difference]
      + activations + scaledColumns(lengths)
  }

  /// Vectors with the shapes of adapters: with a divisor that has a zero element, and applied
  /// twice, so that the output of the first is recomputed.
  private static func scaledColumns(_ lengths: [Int]) -> [OperationCase] {
    let shapes: [Shape] = [[13, 1], [1, 13], [13]]
    let plain = shapes.map { shape in
      OperationCase(
        name: "scaledColumns by \(shape)", lengths: lengths, inputs: [13], parameters: [shape],
        apply: { $0.scaledColumns($1[0], by: $2[0]) },
        reference: { scaled($0[0], by: $0[1].elements) })
    }
    let divisor: [Float] = [1.5, -0.5, 0, 2, 0.25, 3, 1]
    let divided = OperationCase(
      name: "scaledColumns over a divisor, plus a shift", lengths: lengths, inputs: [7],
      parameters: [[7], [7]],
      apply: {
        $0.scaledColumns($1[0], by: $2[0], over: Tensor(divisor, shape: [7]), adding: $2[1])
      },
      reference: {
        let factors = zip($0[1].elements, divisor).map { $1 == 0 ? 0 : $0 / Double($1) }
        return scaled($0[0], by: factors).addingToRows($0[2])
      })
    let twice = OperationCase(
      name: "scaledColumns twice by one vector", lengths: lengths, inputs: [7], parameters: [[7]],
      operationCount: 2,
      apply: { $0.scaledColumns($0.scaledColumns($1[0], by: $2[0]), by: $2[0]) },
      reference: { scaled($0[0], by: $0[1].elements.map { $0 * $0 }) })
    let cubed = OperationCase(
      name: "scaledColumns by a third power", lengths: lengths, inputs: [7], parameters: [[7, 1]],
      apply: { $0.scaledColumns($1[0], by: $2[0], toThe: 3) },
      reference: { scaled($0[0], by: $0[1].elements.map { $0 * $0 * $0 }) })
    return plain + [divided, twice, cubed, circulant(lengths)]
  }

  /// Two by three circulant blocks of size 4.
  private static func circulant(_ lengths: [Int]) -> OperationCase {
    OperationCase(
      name: "circulantProduct", lengths: lengths, inputs: [12], parameters: [[2, 3, 4]],
      apply: { $0.circulantProduct($1[0], kernels: $2[0], scale: 0.5) },
      reference: { inputs in
        let (x, kernels) = (inputs[0], inputs[1].elements)
        return DoubleMatrix(rows: x.rows, columns: 8) { row, output in
          0.5
            * (0..<12).reduce(0) { sum, input in
              let kernel = 4 * (3 * (output / 4) + input / 4)
              return sum + x[row, input] * kernels[kernel + (input - output + 12) % 4]
            }
        }
      })
  }

  private static func scaled(_ x: DoubleMatrix, by factors: [Double]) -> DoubleMatrix {
    DoubleMatrix(rows: x.rows, columns: x.columns) { x[$0, $1] * factors[$1] }
  }

  private static func normalized(
    _ x: DoubleMatrix, scale: DoubleMatrix, shift: DoubleMatrix
  ) -> DoubleMatrix {
    let rows = (0..<x.rows).map { ReferenceKernels.normalized(x[row: $0], epsilon: 1e-5).values }
    return DoubleMatrix(rows: x.rows, columns: x.columns) {
      rows[$0][$1] * scale[0, $1] + shift[0, $1]
    }
  }

  /// Two tables, one of which is looked up twice; some rows are repeated and others are never read.
  private static func embedding(_ lengths: [Int]) -> OperationCase {
    let count = lengths.reduce(0, +)
    let rows = [(7, 4), (3, 3), (5, 4)].map { factor, size in
      (0..<count).map { (factor * $0 + 1) % size }
    }
    return OperationCase(
      name: "embeddingSum", lengths: lengths, parameters: [[4, 11], [3, 11]],
      apply: { tape, _, parameters in
        let tables = [parameters[0], parameters[1], parameters[0]]
        return tape.embeddingSum(
          zip(tables, rows).map { (table: $0, rows: $1.map(Int32.init)) },
          partition: RowPartition(lengths: lengths))
      },
      reference: { leaves in
        DoubleMatrix(rows: count, columns: 11) {
          leaves[0][rows[0][$0], $1] + leaves[1][rows[1][$0], $1] + leaves[0][rows[2][$0], $1]
        }
      })
  }

  private static func pools(_ lengths: [Int]) -> [OperationCase] {
    let partition = RowPartition(lengths: lengths)
    return Pooling.allCases.map { pooling in
      OperationCase(
        name: "pool \(pooling)", lengths: lengths, inputs: [7],
        apply: { tape, inputs, _ in tape.pool(inputs[0], pooling) },
        reference: { leaves in
          DoubleMatrix(rows: lengths.count, columns: 7) { example, column in
            let rows =
              switch pooling {
              case .first: partition[example].prefix(1)
              case .last: partition[example].suffix(1)
              case .mean: partition[example]
              }
            return rows.reduce(0) { $0 + leaves[0][$1, column] } / Double(rows.count)
          }
        })
    }
  }

  private static func losses(_ lengths: [Int]) -> [OperationCase] {
    // One row per example.
    let examples = lengths.reduce(0, +)
    let labels = (0..<examples).map { 2 * $0 % 3 }
    let entropies = [0, 0.1].map { smoothing in
      OperationCase(
        name: "softmaxCrossEntropy, smoothing \(smoothing)",
        lengths: Array(repeating: 1, count: examples), inputs: [3],
        apply: { tape, inputs, _ in
          tape.softmaxCrossEntropy(
            inputs[0], labels: labels, shape: LossShape(labelSmoothing: smoothing)
          )
          .variable
        },
        reference: { leaves in
          let total = labels.enumerated().reduce(0.0) { sum, item in
            let row = leaves[0][row: item.offset]
            let target = (1 - smoothing) * row[item.element] + smoothing * row.reduce(0, +) / 3
            return sum + ReferenceKernels.logSumExp(row) - target
          }
          return DoubleMatrix(rows: 1, columns: 1) { _, _ in total / Double(examples) }
        })
    }
    let targets = (0..<examples).map { 0.3 * Double($0) - 1 }
    let squares = OperationCase(
      name: "meanSquaredError", lengths: Array(repeating: 1, count: examples), inputs: [1],
      apply: { tape, inputs, _ in tape.meanSquaredError(inputs[0], targets: targets).variable },
      reference: { leaves in
        let total = zip(leaves[0].elements, targets).reduce(0) {
          $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
        }
        return DoubleMatrix(rows: 1, columns: 1) { _, _ in total / Double(examples) }
      })
    return entropies + [squares]
  }
}
