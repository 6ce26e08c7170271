import Glibc

/// AdamW on whole tensors, with the elements split among the workers.
enum AdamWKernel {
  typealias Constants = VectorKernels.AdamWConstants

  private static let grain = 1 << 14

  /// Takes one step in place.
  ///
  /// - Parameter rows: the rows of the value, ascending, to which the gradients belong; the other
  ///   gradients are zero. Nil if they cover all rows.
  static func step(
    _ constants: Constants, value: inout Tensor, gradient: Tensor, rows: [Int32]?,
    mean: inout Tensor, meanSquare: inout Tensor
  ) {
    precondition(
      (rows == nil ? value.count == gradient.count : rows?.count == gradient.shape.rows)
        && value.count == mean.count,
      "AdamW: value \(value.shape), gradient \(gradient.shape), mean \(mean.shape)")
    let shape = value.shape
    value.withUnsafeMutableElements { value in
      mean.withUnsafeMutableElements { mean in
        meanSquare.withUnsafeMutableElements { meanSquare in
          guard let p = value.baseAddress, let m = mean.baseAddress, let v = meanSquare.baseAddress
          else { return }
          let place = Place(parameters: p, mean: m, meanSquare: v)
          withElements(of: gradient) { g in
            guard let rows else {
              return WorkerPool.shared.runRanges(value.count, grain: grain) {
                place.step(constants, $0, g + $0.lowerBound)
              }
            }
            forRows(shape, gradients: g, of: rows) {
              place.step(constants, $0, $1)
            } otherwise: {
              place.decay(constants, $0, $1)
            }
          }
        }
      }
    }
  }

  /// Takes one step of the elements `range` of the value, whose state begins with them.
  ///
  /// - Parameters:
  ///   - gradient: their gradients, from the position `first` on.
  ///   - rowWidth: the number of elements of a row of a table, whose rows without a gradient keep
  ///     their pages of zeros; nil for other parameters. The range is one of whole rows.
  static func step(
    _ constants: Constants, value: inout Tensor, in range: Range<Int>, gradient: [Float],
    from first: Int, rowWidth: Int?, mean: inout Tensor, meanSquare: inout Tensor
  ) {
    precondition(
      range.count == mean.count && first + range.count <= gradient.count,
      "AdamW: \(range.count) elements, gradient \(gradient.count), mean \(mean.shape)")
    value.withUnsafeMutableElements { value in
      mean.withUnsafeMutableElements { mean in
        meanSquare.withUnsafeMutableElements { meanSquare in
          gradient.withUnsafeBufferPointer { gradient in
            guard let p = value.baseAddress, let m = mean.baseAddress,
              let v = meanSquare.baseAddress, let start = gradient.baseAddress
            else { return }
            let place = Place(parameters: p + range.lowerBound, mean: m, meanSquare: v)
            nonisolated(unsafe) let g = start + first
            guard let rowWidth, rowWidth > 0 else {
              return WorkerPool.shared.runRanges(range.count, grain: grain) {
                place.step(constants, $0, g + $0.lowerBound)
              }
            }
            let rows = range.count / rowWidth
            WorkerPool.shared.runRanges(rows, grain: max(1, grain / rowWidth)) {
              for row in $0 {
                let elements = row * rowWidth..<(row + 1) * rowWidth
                let own = g + elements.lowerBound
                if elements.allSatisfy({ g[$0] == 0 }) {
                  place.decay(constants, elements, own)
                } else {
                  place.step(constants, elements, own)
                }
              }
            }
          }
        }
      }
    }
  }

  /// The parameters of a step and their state in memory.
  private struct Place: @unchecked Sendable {
    let parameters: UnsafeMutablePointer<Float>
    let mean: UnsafeMutablePointer<Float>
    let meanSquare: UnsafeMutablePointer<Float>

    func step(_ constants: Constants, _ range: Range<Int>, _ gradient: UnsafePointer<Float>) {
      let start = range.lowerBound
      VectorKernels.active.adamW(
        count: range.count, constants, parameters: parameters + start, gradient: gradient,
        mean: mean + start, meanSquare: meanSquare + start)
    }

    /// Takes the step of a row whose gradient is `zeros`. If the row never had a gradient, it only
    /// decays, and its moments are not written, so that their pages take no memory.
    func decay(_ constants: Constants, _ range: Range<Int>, _ zeros: UnsafePointer<Float>) {
      let (start, bytes) = (range.lowerBound, range.count * MemoryLayout<Float>.stride)
      guard memcmp(mean + start, zeros, bytes) == 0, memcmp(meanSquare + start, zeros, bytes) == 0
      else { return step(constants, range, zeros) }
      VectorKernels.active.scale(count: range.count, constants.decay, parameters + start)
    }
  }

  /// Calls `step` with the elements of every table row that has a gradient, and `rest` with the
  /// elements of every other row and a row of zeros.
  private static func forRows(
    _ table: Shape, gradients: UnsafePointer<Float>, of rows: [Int32],
    _ step: (Range<Int>, UnsafePointer<Float>) -> Void,
    otherwise rest: (Range<Int>, UnsafePointer<Float>) -> Void
  ) {
    let width = table.columns
    withElements(of: Tensor(zeros: [width])) { zeros in
      WorkerPool.shared.runRanges(table.rows, grain: max(1, grain / max(width, 1))) { range in
        var next = rows.partitioningIndex { Int($0) >= range.lowerBound }
        for row in range {
          let elements = row * width..<(row + 1) * width
          if next < rows.count && Int(rows[next]) == row {
            step(elements, gradients + next * width)
            next += 1
          } else {
            rest(elements, zeros)
          }
        }
      }
    }
  }

  /// m̂ / (√v̂ + ε) of the next step, the direction of the update.
  static func direction(
    _ constants: Constants, gradient: Tensor, mean: Tensor, meanSquare: Tensor
  ) -> Tensor {
    precondition(
      gradient.count == mean.count, "AdamW: gradient \(gradient.shape), mean \(mean.shape)")
    return Tensor(writing: gradient.shape) { result in
      withElements(of: gradient, mean, meanSquare) { g, m, v in
        WorkerPool.shared.runRanges(gradient.count, grain: grain) { range in
          let start = range.lowerBound
          VectorKernels.active.adamWDirection(
            count: range.count, constants, gradient: g + start, mean: m + start,
            meanSquare: v + start, into: result + start)
        }
      }
    }
  }
}

extension Array {
  /// The first position whose element satisfies the condition. All later elements must satisfy it
  /// too.
  fileprivate func partitioningIndex(where condition: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if condition(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
