/// The keys and values that one attention layer has seen, so that new tokens can attend to earlier
/// ones.
///
/// Every token has a slot, and a sequence is a list of slots. Sequences with a common beginning,
/// such as the hypotheses of a beam search, share its slots. Notation: S new tokens, H query heads
/// and H_kv key and value heads of D columns each. Every H / H_kv adjacent query heads share one
/// key and value head.
public struct KeyValueCache {
  private let heads: Int
  private let keyValueHeads: Int
  /// D.
  private let headWidth: Int
  /// [slots, H_kv·D], as are the values.
  private var keys: Tensor
  private var values: Tensor
  /// The number of slots in use.
  public private(set) var count = 0

  /// H·D, the number of columns of the queries.
  private var width: Int { heads * headWidth }
  /// H_kv·D, the number of columns of the keys and of the values.
  private var sharedWidth: Int { keyValueHeads * headWidth }

  /// Creates an empty cache for queries of H·D = `width` columns, with H = `heads`.
  ///
  /// - Parameter keyValueHeads: H_kv, which divides H; nil means H.
  public init(width: Int, heads: Int, keyValueHeads: Int? = nil) {
    let keyValueHeads = keyValueHeads ?? heads
    precondition(
      heads > 0 && width % heads == 0 && keyValueHeads > 0 && heads % keyValueHeads == 0,
      "KeyValueCache: \(heads) heads of \(width) columns, \(keyValueHeads) of keys and values")
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    headWidth = width / heads
    keys = Tensor(zeros: [0, keyValueHeads * headWidth])
    values = keys
  }

  /// Stores keys and values [S, H_kv·D] in the next S slots. With rotary positions, pass rotated
  /// keys.
  public mutating func append(keys newKeys: Tensor, values newValues: Tensor) {
    precondition(
      newKeys.shape.columns == sharedWidth && newValues.shape == newKeys.shape,
      "KeyValueCache: keys \(newKeys.shape) and values \(newValues.shape) for \(sharedWidth) columns"
    )
    append((newKeys, 0), (newValues, 0))
  }

  /// Stores the keys and values of x [S, (H + 2·H_kv)·D], which holds queries, keys and values side
  /// by side, in the next S slots.
  public mutating func append(_ x: Tensor) {
    precondition(
      x.shape.columns == width + 2 * sharedWidth,
      "KeyValueCache: \(x.shape) for queries of \(width) columns, keys and values of \(sharedWidth)"
    )
    append((x, width), (x, width + sharedWidth))
  }

  private mutating func append(
    _ newKeys: (tensor: Tensor, first: Int), _ newValues: (tensor: Tensor, first: Int)
  ) {
    let added = newKeys.tensor.shape.rows
    if count + added > keys.shape.rows {
      let capacity = max(count + added, 2 * keys.shape.rows)
      keys = keys.grown(toRows: capacity, keeping: count)
      values = values.grown(toRows: capacity, keeping: count)
    }
    keys.copyColumns(from: newKeys.first, of: newKeys.tensor, toRow: count)
    values.copyColumns(from: newValues.first, of: newValues.tensor, toRow: count)
    count += added
  }

  /// Attention of the queries to the tokens in `slots`, one list for each row: [S, H·D].
  ///
  /// - Parameter x: the queries [S, H·D], or queries, keys and values [S, (H + 2·H_kv)·D].
  /// - Accuracy: scores are computed in Double and rounded once; the softmax is in Float.
  public func attention(_ x: Tensor, to slots: [[Int32]]) -> Tensor {
    let (rows, stride, width) = (x.shape.rows, x.shape.columns, width)
    precondition(
      slots.count == rows && (stride == width || stride == width + 2 * sharedWidth)
        && slots.allSatisfy { $0.allSatisfy { (0..<Int32(count)).contains($0) } },
      "KeyValueCache: \(slots.count) lists of \(count) slots for \(x.shape)")
    let (depth, sharedWidth, sharing) = (headWidth, sharedWidth, heads / keyValueHeads)
    let scale = 1 / Float(depth).squareRoot()
    var output = Tensor(zeros: [rows, width])
    output.withUnsafeMutableElements { buffer in
      guard let output = buffer.baseAddress else { return }
      withElements(of: x, keys, values) { x, keys, values in
        WorkerPool.shared.runRanges(rows * heads, grain: 4) { tasks in
          for task in tasks {
            let (row, head) = (task / heads, task % heads)
            let (column, sharedColumn) = (head * depth, head / sharing * depth)
            let seen = slots[row]
            withUnsafeTemporaryAllocation(of: Float.self, capacity: seen.count + 1) { scores in
              guard let scores = scores.baseAddress else { return }
              let query = x + row * stride + column
              for (index, slot) in seen.enumerated() {
                scores[index] = Float(
                  VectorKernels.active.dot(
                    count: depth, query, keys + Int(slot) * sharedWidth + sharedColumn))
              }
              VectorKernels.active.softmax(
                rows: 1, columns: seen.count, stride: seen.count, scale: scale, scores,
                logSumExp: scores + seen.count)
              let target = output + row * width + column
              for (index, slot) in seen.enumerated() {
                VectorKernels.active.addScaled(
                  count: depth, scores[index], values + Int(slot) * sharedWidth + sharedColumn,
                  to: target)
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

  /// Copies columns of x, starting at `column` and as many as self has, to the rows of self from
  /// `first` on.
  fileprivate mutating func copyColumns(from column: Int, of x: Tensor, toRow first: Int) {
    let (width, stride, rows) = (shape.columns, x.shape.columns, x.shape.rows)
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: x) { x in
        for row in 0..<rows {
          (target + (first + row) * width).update(
            from: x + row * stride + column, count: width)
        }
      }
    }
  }
}
