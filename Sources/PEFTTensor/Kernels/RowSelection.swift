/// Copies selected rows, columns and elements out of a tensor and back, split among the workers.
extension Tensor {
  /// The minimum number of elements for which a worker is woken.
  private static let selectionGrain = 1 << 14

  /// The rows `numbers` of a matrix [m, n], in that order: [|numbers|, n].
  package func rows(at numbers: [Int]) -> Tensor {
    checkSelection("rows", numbers, axis: 0)
    let columns = shape.columns
    return Tensor(writing: [numbers.count, columns]) { target in
      withElements(of: self) { source in
        Self.forRows(numbers.count, columns) { row in
          (target + row * columns).update(from: source + numbers[row] * columns, count: columns)
        }
      }
    }
  }

  /// The columns `numbers` of a matrix [m, n], in that order: [m, |numbers|].
  func columns(at numbers: [Int]) -> Tensor {
    checkSelection("columns", numbers, axis: 1)
    let (rows, columns) = (shape.rows, shape.columns)
    return Tensor(writing: [rows, numbers.count]) { target in
      withElements(of: self) { source in
        Self.forRows(rows, numbers.count) { row in
          let (source, target) = (source + row * columns, target + row * numbers.count)
          for (position, number) in numbers.enumerated() { target[position] = source[number] }
        }
      }
    }
  }

  /// Replaces the distinct rows `numbers` of a matrix [m, n] by the rows of `rows` [|numbers|, n].
  package mutating func replaceRows(at numbers: [Int], with rows: Tensor) {
    checkSelection("replaceRows", numbers, axis: 0)
    let columns = shape.columns
    precondition(
      rows.shape == [numbers.count, columns],
      "replaceRows: \(rows.shape) for \(numbers.count) rows of \(shape)")
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: rows) { source in
        Self.forRows(numbers.count, columns) { row in
          (target + numbers[row] * columns).update(from: source + row * columns, count: columns)
        }
      }
    }
  }

  /// The elements at row-major `positions`, in that order: [|positions|].
  package func elements(at positions: [Int]) -> Tensor {
    checkPositions("elements", positions)
    return Tensor(writing: [positions.count]) { target in
      withElements(of: self) { source in
        WorkerPool.shared.runRanges(positions.count, grain: Self.selectionGrain) { range in
          for place in range { target[place] = source[positions[place]] }
        }
      }
    }
  }

  /// Replaces the elements at the distinct `positions` by those of `elements` [|positions|].
  mutating func replaceElements(at positions: [Int], with elements: Tensor) {
    checkPositions("replaceElements", positions)
    precondition(
      elements.shape == [positions.count],
      "replaceElements: \(elements.shape) for \(positions.count) elements of \(shape)")
    withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: elements) { source in
        WorkerPool.shared.runRanges(positions.count, grain: Self.selectionGrain) { range in
          for place in range { target[positions[place]] = source[place] }
        }
      }
    }
  }

  private func checkPositions(_ operation: String, _ positions: [Int]) {
    precondition(
      positions.allSatisfy { $0 >= 0 && $0 < count },
      "\(operation): one of \(positions.count) positions is outside \(shape)")
  }

  private func checkSelection(_ operation: String, _ numbers: [Int], axis: Int) {
    precondition(
      shape.rank == 2 && numbers.allSatisfy { $0 >= 0 && $0 < shape[axis] },
      "\(operation): \(shape) is no matrix, or one of \(numbers.count) numbers is outside it")
  }

  private static func forRows(_ rows: Int, _ columns: Int, _ body: (Int) -> Void) {
    WorkerPool.shared.runRanges(rows, grain: max(1, selectionGrain / max(columns, 1))) { range in
      for row in range { body(row) }
    }
  }
}
