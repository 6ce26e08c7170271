import Glibc

extension Parameter {
  /// Whether the gradient of a batch that looks up `count` rows of a table is kept as the rows that
  /// were read. With more than half as many lookups as rows it is a tensor of the whole table.
  package func keepsOnlyReadRows(ofLookups count: Int) -> Bool {
    isTable && gradientRows == nil && gradientElements == nil && 2 * count <= shape.rows
  }

  /// Whether an optimizer's state takes memory only for the pages that hold rows of a table that
  /// were read.
  package var hasStateOfReadRows: Bool { isTable && trains == .all }

  /// Bytes of the pages that hold these rows: the memory of one tensor of such a state.
  package func pageBytes(ofRows rows: Set<Int32>) -> Int {
    let (page, width) = (Int(getpagesize()), MemoryLayout<Float>.stride * shape.columns)
    var pages = Set<Int>()
    for row in rows where width > 0 {
      let start = Int(row) * width
      pages.formUnion(start / page...(start + width - 1) / page)
    }
    return min(pages.count * page, MemoryLayout<Float>.stride * count)
  }
}
