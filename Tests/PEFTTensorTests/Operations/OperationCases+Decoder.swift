import Foundation
import PEFTTensor

extension OperationCase {
  /// The further operations of decoders such as Llama: RMS norms, rotary positions and products.
  static func decoders(_ lengths: [Int]) -> [OperationCase] {
    rmsNorms(lengths) + rotaries(lengths) + products(lengths)
  }

  private static func rmsNorms(_ lengths: [Int]) -> [OperationCase] {
    let norm = OperationCase(
      name: "rmsNorm", lengths: lengths, inputs: [7], parameters: [[7]],
      apply: { $0.rmsNorm($1[0], scale: $2[0], epsilon: 1e-5) },
      reference: { normalized($0[0], scale: $0[1]) })
    let residualNorm = OperationCase(
      name: "rmsNorm with residual", lengths: lengths, inputs: [33, 33], parameters: [[33]],
      apply: { $0.rmsNorm($1[0], residual: $1[1], scale: $2[0], epsilon: 1e-5) },
      reference: { normalized($0[0] + $0[1], scale: $0[2]) })
    let doubledNorm = OperationCase(
      name: "rmsNorm with its input as residual", lengths: lengths, inputs: [5],
      parameters: [[5]],
      apply: { $0.rmsNorm($1[0], residual: $1[0], scale: $2[0], epsilon: 1e-5) },
      reference: { normalized(2 * $0[0], scale: $0[1]) })
    // The linear map recomputes the norm's output. If only the scale trained, less would be
    // recorded.
    let mapped = OperationCase(
      name: "a map of an rmsNorm", lengths: lengths, inputs: [7], parameters: [[7, 7]],
      operationCount: 3,
      apply: { tape, inputs, parameters in
        let x = tape.linear(inputs[0], weight: parameters[0])
        let ones = Parameter(
          name: "scale", value: Tensor(repeating: 1, shape: [7]), isTrainable: false)
        return tape.linear(
          tape.rmsNorm(x, scale: ones, epsilon: 1e-5), weight: parameters[0])
      },
      reference: {
        let ones = DoubleMatrix(rows: 1, columns: 7) { _, _ in 1 }
        return normalized($0[0] * $0[1].transposed, scale: ones) * $0[1].transposed
      })
    let headNorm = OperationCase(
      name: "rmsNorm of heads", lengths: lengths, inputs: [15, 15], parameters: [[5]],
      apply: { $0.rmsNorm($1[0], residual: $1[1], scale: $2[0], heads: 3, epsilon: 1e-5) },
      reference: { normalized($0[0] + $0[1], scale: $0[2]) })
    let mappedHeads = OperationCase(
      name: "a map of an rmsNorm of heads", lengths: lengths, inputs: [14], parameters: [[14, 14]],
      operationCount: 3,
      apply: { tape, inputs, parameters in
        let x = tape.linear(inputs[0], weight: parameters[0])
        let ones = Parameter(
          name: "scale", value: Tensor(repeating: 1, shape: [7]), isTrainable: false)
        return tape.linear(
          tape.rmsNorm(x, scale: ones, heads: 2, epsilon: 1e-5), weight: parameters[0])
      },
      reference: {
        let ones = DoubleMatrix(rows: 1, columns: 7) { _, _ in 1 }
        return normalized($0[0] * $0[1].transposed, scale: ones) * $0[1].transposed
      })
    return [norm, residualNorm, doubledNorm, mapped, headNorm, mappedHeads]
  }

  /// x with each head of as many columns as `scale` has normalised by itself.
  private static func normalized(_ x: DoubleMatrix, scale: DoubleMatrix) -> DoubleMatrix {
    let width = scale.columns
    let rows = (0..<x.rows).map { row in
      stride(from: 0, to: x.columns, by: width).flatMap { first in
        ReferenceKernels.rmsNormalized(
          Array(x[row: row][first..<first + width]), epsilon: 1e-5
        ).values
      }
    }
    return DoubleMatrix(rows: x.rows, columns: x.columns) { rows[$0][$1] * scale[0, $1 % width] }
  }

  /// Heads with one pair and with an odd number of pairs, at consecutive and at repeated positions.
  private static func rotaries(_ lengths: [Int]) -> [OperationCase] {
    let partition = RowPartition(lengths: lengths)
    let inOrder = (0..<partition.exampleCount).flatMap { Array(0..<partition[$0].count) }
    let scattered = (0..<partition.rowCount).map { 7 * $0 % 11 }
    return [(2, 3, inOrder), (10, 1, scattered), (34, 2, scattered)].map {
      headWidth, heads, positions in
      let table = RotaryTable(theta: 100, headWidth: headWidth, positionCount: 80)
      return OperationCase(
        name: "rotary, \(heads) heads of \(headWidth)", lengths: lengths,
        inputs: [heads * headWidth],
        apply: { tape, inputs, _ in
          tape.rotary(inputs[0], table, positions: positions.map(Int32.init))
        },
        reference: { rotated($0[0], theta: 100, headWidth: headWidth, positions: positions) })
    }
  }

  /// The heads of every row, rotated to the row's position.
  static func rotated(
    _ x: DoubleMatrix, theta: Double, headWidth: Int, positions: [Int]
  ) -> DoubleMatrix {
    let frequencies = RotaryTable.inverseFrequencies(theta: theta, headWidth: headWidth)
    let rows = (0..<x.rows).map { row in
      let angles = frequencies.map { Double(positions[row]) * Double($0) }
      return stride(from: 0, to: x.columns, by: headWidth).flatMap { first in
        ReferenceKernels.rotated(
          Array(x[row: row][first..<first + headWidth]), cosines: angles.map { cos($0) },
          sines: angles.map { sin($0) })
      }
    }
    return DoubleMatrix(rows: x.rows, columns: x.columns) { rows[$0][$1] }
  }

  private static func products(_ lengths: [Int]) -> [OperationCase] {
    let product = OperationCase(
      name: "product", lengths: lengths, inputs: [9, 9],
      apply: { tape, inputs, _ in tape.product(inputs[0], inputs[1]) },
      reference: { $0[0].times($0[1]) })
    let square = OperationCase(
      name: "product of an input with itself", lengths: lengths, inputs: [9],
      apply: { tape, inputs, _ in tape.product(inputs[0], inputs[0]) },
      reference: { $0[0].times($0[0]) })
    // The product recomputes the activation, and the last linear map recomputes the product.
    let gated = OperationCase(
      name: "a gated block", lengths: lengths, inputs: [7], parameters: [[7, 7]],
      operationCount: 4,
      apply: { tape, inputs, parameters in
        let x = tape.linear(inputs[0], weight: parameters[0])
        return tape.linear(tape.product(tape.activation(x, .silu), x), weight: parameters[0])
      },
      reference: {
        let x = $0[0] * $0[1].transposed
        return x.map(ReferenceKernels.silu).times(x) * $0[1].transposed
      })
    return [product, square, gated]
  }
}
