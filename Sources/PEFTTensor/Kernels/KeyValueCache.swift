/// The keys and values that one attention layer has seen, for attention of new
/// tokens to earlier ones.
///
/// Every token has a slot; a sequence is a list of slots, so that sequences with a
/// common beginning, such as the hypotheses of a beam, share it. Letters: S new tokens,
/// H heads of D columns each.
public struct KeyValueCache {
  private let heads: Int
  private let width: Int
  private var keys: Tensor
  private var values: Tensor
  /// The number of slots in use.
  public private(set) var count = 0

  /// An empty cache for keys and values of H·D = `width` columns each.
  public init(width: Int, heads: Int) {
    precondition(
      heads > 0 && width % heads == 0, "KeyValueCache: \(heads) heads of \(width) columns")
    self.heads = heads
    self.width = width
    keys = Tensor(zeros: [0, width])
    values = keys
  }

  /// Keeps the keys and values of x [S, 3·H·D], queries, keys and values side by side,
  /// in the next S slots.
  public mutating func append(_ x: Tensor) {
    precondition(
      x.shape.columns == 3 * width, "KeyValueCache: \(x.shape) for a width of \(width)")
    let added = x.shape.rows
    if count + added > keys.shape.rows {
      let capacity = max(count + added, 2 * keys.shape.rows)
      keys = keys.grown(toRows: capacity, keeping: count)
      values = values.grown(toRows: capacity, keeping: count)
    }
    keys.copyColumns(width..<2 * width, of: x, toRow: count)
    values.copyColumns(2 * width..<3 * width, of: x, toRow: count)
    count += added
  }

  /// Attention of the queries in x [S, 3·H·D] to the tokens in `slots`, one
  /// list for each, [S, H·D].
  ///
  /// - Accuracy: scores in Double, rounded once; the softmax in Float.
  public func attention(_ x: Tensor, to slots: [[Int32]]) -> Tensor {
    let rows = x.shape.rows
    precondition(
      slots.count == rows && x.shape.columns == 3 * width
        && slots.allSatisfy { $0.allSatisfy { (0..<Int32(count)).contains($0) } },
      "KeyValueCache: \(slots.count) lists of \(count) slots for \(x.shape)")
    let depth = width / heads
    let scale = 1 / Float(depth).squareRoot()
    var output = Tensor(zeros: [rows, width])
    output.withUnsafeMutableElements { buffer in
      guard let output = buffer.baseAddress else { return }
      withElements(of: x, keys, values) { x, keys, values in
        WorkerPool.shared.runRanges(rows * heads, grain: 4) { tasks in
          for task in tasks {
            let (row, column) = (task / heads, task % heads * depth)
            let seen = slots[row]
            withUnsafeTemporaryAllocation(of: Float.self, capacity: seen.count + 1) { scores in
              guard let scores = scores.baseAddress else { return }
              let query = x + row * 3 * width + column
              for (index, slot) in seen.enumerated() {
                scores[index] = Float(
                  VectorKernels.active.dot(
                    count: depth, query, keys + Int(slot) * width + column))
              }
              VectorKernels.active.softmax(
                rows: 1, columns: seen.count, stride: seen.count, scale: scale, scores,
                logSumExp: scores + seen.count)
              let target = output + row * width + column
              for (index, slot) in seen.enumerated() {
                VectorKernels.active.addScaled(
                  count: depth, scores[index], values + Int(slot) * width + column, to: target)
              }
            }
          }
        }
      }
    }
    return output
  }
}

extension Tensor {
  fileprivate func grown(toRows rows: Int, keeping count: Int) -> Tensor {
    let columns = shape.columns
    var result = Tensor(zeros: [rows, columns])
    result.withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: self) { target.update(from: $0, count: count * columns) }
    }
    return result
  }

  fileprivate mutating func copyColumns(_ columns: Range<Int>, of x: Tensor, toRow first: Int) {
    let (width, stride, rows) = (columns.count, x.shape.columns, x.shape.rows)
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: x) { x in
        for row in 0..<rows {
          (target + (first + row) * width).update(
            from: x + row * stride + columns.lowerBound, count: width)
        }
      }
    }
  }
}
