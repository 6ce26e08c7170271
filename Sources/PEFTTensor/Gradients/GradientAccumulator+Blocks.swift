extension Parameter {
  /// The number of consecutive trainable elements whose squares are summed together, and which one
  /// process updates: a row of a table, so that rows that were not read add nothing, and else a
  /// fixed number.
  var blockSize: Int {
    isTable && trains == .all ? max(1, shape.columns) : 1 << 15
  }
}

extension GradientAccumulator {
  /// The Euclidean norm of the gradients of the trainable parts of `parameters`.
  ///
  /// Unlike those of `globalNorm`, its bits depend neither on the form in which gradients are held
  /// nor on the number of processes that share the blocks: squares are summed block by block, and
  /// the sums are added in order.
  package func blockNorm(of parameters: [Parameter]) -> Double {
    parameters.reduce(0) { sum, parameter in
      if parameter.trains == .all, let table = tableGradient(of: parameter) {
        return table.values.blockSquares(of: parameter.blockSize).reduce(sum, +)
      }
      let gradient = trainableGradient(of: parameter)
      return gradient?.blockSquares(of: parameter.blockSize).reduce(sum, +) ?? sum
    }.squareRoot()
  }
}

extension Tensor {
  /// The sums of the squares of every `size` elements, of which the last may be fewer.
  func blockSquares(of size: Int) -> [Double] {
    withUnsafeElements { elements in
      guard let start = elements.baseAddress else { return [] }
      return PEFTTensor.blockSquares(of: start, count: count, size: size)
    }
  }
}

/// The sums of the squares of every `size` of `count` elements, of which the last may be fewer.
func blockSquares(of elements: UnsafePointer<Float>, count: Int, size: Int) -> [Double] {
  var sums = [Double](repeating: 0, count: (count + size - 1) / size)
  sums.withUnsafeMutableBufferPointer { buffer in
    nonisolated(unsafe) let (sums, elements) = (buffer, elements)
    WorkerPool.shared.runRanges(sums.count, grain: max(1, (1 << 15) / size)) { blocks in
      for block in blocks {
        let start = block * size
        sums[block] = VectorKernels.active.sumOfSquares(
          count: min(size, count - start), elements + start)
      }
    }
  }
  return sums
}
