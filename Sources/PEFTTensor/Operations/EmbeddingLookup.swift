extension Tape {
  /// y_t = Σ_j table_j[rows_j[t]]: the sum of one row of each table.
  ///
  /// - Shapes: each table [V_j, n]; each `rows` has T numbers below V_j; y [T, n].
  /// - Saves: the row numbers.
  public func embeddingSum(
    _ lookups: [(table: Parameter, rows: [Int32])], partition: RowPartition
  ) -> Variable {
    for (table, rows) in lookups {
      precondition(
        rows.count == partition.rowCount
          && rows.allSatisfy { $0 >= 0 && Int($0) < table.shape.rows }
          && table.shape.columns == lookups[0].table.shape.columns,
        "embeddingSum: \(rows.count) rows for \(partition.rowCount) tokens, a row outside "
          + "\(table.name) \(table.shape), or tables of different widths")
    }
    let y = RowKernels.gatherSum(
      lookups.map { table, rows in
        table.bfloatValue.map { ($0.rows(at: rows), rows.indices.map(Int32.init)) }
          ?? (table.value, rows)
      })
    return output(
      y, partition, when: lookups.contains { $0.table.wantsGradient },
      EmbeddingLookup(lookups: lookups, partition: partition))
  }
}

private struct EmbeddingLookup: Operation {
  static let name = "embeddingSum"
  let lookups: [(table: Parameter, rows: [Int32])]
  let partition: RowPartition

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    for (table, rows) in lookups {
      walk.deliver(.scatter(upstream: cotangent, rows: rows), of: table, partition: partition)
    }
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let moving = lookups.compactMap { lookup in
      walk.direction(of: lookup.table).map { ($0, lookup.rows) }
    }
    return moving.isEmpty ? nil : RowKernels.gatherSum(moving)
  }
}
