extension GradientFactors {
  /// The factors of some rows of this gradient, ascending: a matrix [V, n] becomes [|rows|, n].
  ///
  /// Cost: a copy of the columns or rows of δ that these rows need; nothing of V rows.
  func restricted(to rows: [Int]) -> GradientFactors {
    switch self {
    case .outerProduct(let upstream, let input, let scale):
      return .outerProduct(upstream: upstream.columns(at: rows), input: input, scale: scale)
    case .scatter(let upstream, let targets):
      let hits = targets.enumerated().compactMap { token, target in
        rows.ascendingIndex(of: Int(target)).map { (token: token, row: Int32($0)) }
      }
      return .scatter(upstream: upstream.rows(at: hits.map(\.token)), rows: hits.map(\.row))
    case .dense(let tensor): return .dense(tensor.rows(at: rows))
    case .rowSum, .productSum: return self
    }
  }
}

extension [Int] {
  /// The position of `element` in an ascending array. O(log count).
  fileprivate func ascendingIndex(of element: Int) -> Int? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < element { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == element ? low : nil
  }
}
