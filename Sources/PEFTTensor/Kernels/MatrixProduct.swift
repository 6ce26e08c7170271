/// Matrix products, split among the workers into disjoint parts of the output.
enum MatrixProduct {
  /// Products with fewer multiply-adds run on the calling thread, because waking a worker would
  /// cost more.
  private static let serialLimit = 1 << 17
  /// Up to this many rows, a product is bound by reading the weight, which BLAS would first pack.
  private static let fewRows = 16
  /// Up to this many columns, a gradient is computed as its transpose.
  private static let fewColumns = 32

  /// y [T, out] ← scale · x [T, in] · weight [out, in]ᵀ (+ bias [out]) (+ sum [T, out]). The bias
  /// is added while a worker's rows are still in its cache.
  static func forward(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, scale: Float = 1,
    addingTo sum: consuming Tensor? = nil, adding addition: VectorKernels.Addition? = nil,
    applying epilogue: ActivationEpilogue? = nil
  ) -> Tensor {
    let (tokens, inputs, outputs) = (x.shape.rows, x.shape.columns, weight.shape.rows)
    precondition(
      weight.shape.columns == inputs && (bias?.count ?? outputs) == outputs
        && (sum.map { $0.shape == [tokens, outputs] } ?? true),
      "linear: input \(x.shape), weight \(weight.shape), bias \(bias?.shape ?? [outputs]), "
        + "sum \(sum?.shape ?? [tokens, outputs])")
    if tokens <= fewRows, sum == nil {
      precondition(addition == nil, "linear: few rows are not made part by part")
      return fewRows(x, weight: weight, bias: bias, scale: scale, applying: epilogue)
    }
    let isAdding = sum != nil
    var result = sum ?? Tensor(uninitialized: [tokens, outputs])
    sum = nil
    result.withUnsafeMutableElements { buffer in
      guard let y = buffer.baseAddress else { return }
      withElements(of: x, weight) { x, weight in
        withElements(ofOptional: bias) { bias in
          product(
            Factor(x, stride: inputs), Factor(weight, stride: inputs, isTransposed: true),
            rows: tokens, columns: outputs, inner: inputs, scale: scale, bias: bias,
            accumulating: isAdding, into: y, adding: addition,
            completion: epilogue?.completion(of: y, columns: outputs))
        }
      }
    }
    return result
  }

  /// y [T, out] ← x [T, in] · weight [out, in]ᵀ (+ bias [out]) in the given precision. A product of
  /// few rows with a trainable matrix, which would have to be packed just for them, stays in fp32.
  static func forward(
    _ x: Tensor, weight: Parameter, bias: Parameter?, precision: Precision,
    adding addition: VectorKernels.Addition? = nil, applying epilogue: ActivationEpilogue? = nil
  ) -> Tensor {
    guard precision == .bf16, x.shape.rows > fewRows || !weight.isTrainable else {
      if let matrix = weight.bfloatValue {
        return forward(x, weight: matrix, bias: bias?.value, adding: addition, applying: epilogue)
      }
      return forward(
        x, weight: weight.value, bias: bias?.value, adding: addition, applying: epilogue)
    }
    return product(
      x, weight.packed(.forOutputs), bias: bias?.value, adding: addition, applying: epilogue)
  }

  /// y [T, out] ← x [T, in] · weight [out, in]ᵀ (+ bias [out]) in fp32, bit for bit as with the
  /// weight in Float.
  private static func forward(
    _ x: Tensor, weight: BFloatMatrix, bias: Tensor?, adding addition: VectorKernels.Addition?,
    applying epilogue: ActivationEpilogue?
  ) -> Tensor {
    let (tokens, inputs, outputs) = (x.shape.rows, weight.shape.columns, weight.shape.rows)
    guard tokens <= fewRows || VectorKernels.active.multipliesFast, inputs > 0 else {
      return forward(x, weight: weight.expanded, bias: bias, adding: addition, applying: epilogue)
    }
    precondition(
      x.shape.columns == inputs && (bias?.count ?? outputs) == outputs,
      "linear: input \(x.shape), weight \(weight.shape), bias \(bias?.shape ?? [outputs])")
    if tokens <= fewRows {
      precondition(addition == nil, "linear: few rows are not made part by part")
      return fewRows(
        x, inputs: inputs, outputs: outputs, bias: bias, applying: epilogue
      ) { x, range, y in
        weight.withElements {
          VectorKernels.active.rowProducts(
            rows: tokens, outputs: range.count, inner: inputs, scale: 1, x,
            $0 + range.lowerBound * inputs, into: y, stride: outputs)
        }
      }
    }
    return Tensor(writing: [tokens, outputs]) { y in
      weight.withElements { start in
        withElements(of: x) { x in
          withElements(ofOptional: bias) { bias in
            VectorKernels.active.product(
              Factor(x, stride: inputs), .init(start, stride: inputs, isTransposed: true),
              rows: tokens, columns: outputs, inner: inputs, bias: bias, into: y, stride: outputs,
              on: .shared, adding: addition,
              completion: epilogue?.completion(of: y, columns: outputs))
          }
        }
      }
    }
  }

  /// y [T, out] ← x · weightᵀ (+ bias) + scale · inner [T, R] · up [out, R]ᵀ. The low-rank term is
  /// computed in fp32.
  static func forward(
    _ x: Tensor, weight: Parameter, bias: Parameter?, precision: Precision, adding inner: Tensor,
    times up: Tensor, scale: Float
  ) -> Tensor {
    let rank = up.shape.columns
    guard completesParts(rows: x.shape.rows, precision), rank > 0 else {
      return forward(
        inner, weight: up, scale: scale,
        addingTo: forward(x, weight: weight, bias: bias, precision: precision))
    }
    return withElements(of: inner, up) { inner, up in
      forward(
        x, weight: weight, bias: bias, precision: precision,
        adding: addition(
          inner, Factor(up, stride: rank, isTransposed: true), rank: rank,
          columns: weight.shape.rows, scale: scale))
    }
  }

  /// dx [T, in] ← δ · weight + inner [T, R] · down [R, in]. The low-rank term is computed in fp32.
  static func inputGradient(
    _ upstream: Tensor, weight: Parameter, precision: Precision, adding inner: Tensor,
    times down: Tensor
  ) -> Tensor {
    let (rank, inputs) = (down.shape.rows, weight.shape.columns)
    guard completesParts(rows: upstream.shape.rows, precision), rank > 0 else {
      return inputGradient(
        inner, weight: down,
        addingTo: inputGradient(upstream, weight: weight, precision: precision))
    }
    return withElements(of: inner, down) { inner, down in
      inputGradient(
        upstream, weight: weight, precision: precision,
        adding: addition(
          inner, Factor(down, stride: inputs), rank: rank, columns: inputs, scale: 1))
    }
  }

  /// Whether a product is completed part by part, so that a term can be added to a part while it is
  /// in cache.
  private static func completesParts(rows: Int, _ precision: Precision) -> Bool {
    rows > fewRows && (precision == .bf16 || VectorKernels.active.multipliesFast)
  }

  private static func addition(
    _ inner: UnsafePointer<Float>, _ matrix: Factor, rank: Int, columns: Int, scale: Float
  ) -> VectorKernels.Addition {
    VectorKernels.Addition(
      Factor(inner, stride: rank),
      PackedFactor(
        matrix, columns: 0..<columns, inner: rank, precision: .fp32, by: .active, on: .shared),
      scale: scale)
  }

  /// The product followed by an activation. With `saving`, also returns what a tape saves for the
  /// activation's derivative.
  static func forward(
    _ x: Tensor, weight: Parameter, bias: Parameter?, precision: Precision,
    activation: Activation, saving: Bool
  ) -> (activated: Tensor, saved: SavedTensor?) {
    let shape: Shape = [x.shape.rows, weight.shape.rows]
    func product(_ target: ActivationEpilogue.Target) -> Tensor {
      forward(
        x, weight: weight, bias: bias, precision: precision,
        applying: ActivationEpilogue(activation: activation, target: target))
    }
    guard saving else { return (product(.inPlace), nil) }
    if activation.savesOutput {
      let y = product(.inPlace)
      return (y, SavedTensor(y, precision: precision))
    }
    var result = Tensor(uninitialized: [0])
    switch precision {
    case .fp32:
      let y = Tensor(writing: shape) { result = product(.beside($0)) }
      return (y, SavedTensor(result, precision: .fp32))
    case .bf16:
      let words = Tensor(writing: [SavedTensor.wordCount(shape)]) { words in
        words.withMemoryRebound(to: UInt16.self, capacity: shape.count) {
          result = product(.inPlaceKeeping($0))
        }
      }
      return (result, SavedTensor(words: words, shape: shape))
    }
  }

  /// dx [T, in] ← δ [T, out] · weight [out, in] in the given precision, with few rows treated as in
  /// `forward`.
  static func inputGradient(
    _ upstream: Tensor, weight: Parameter, precision: Precision,
    adding addition: VectorKernels.Addition? = nil
  ) -> Tensor {
    guard precision == .bf16, upstream.shape.rows > fewRows || !weight.isTrainable else {
      guard let matrix = weight.bfloatValue else {
        return inputGradient(upstream, weight: weight.value, adding: addition)
      }
      return inputGradient(upstream, weight: matrix, adding: addition)
    }
    return product(upstream, weight.packed(.forInputs), bias: nil, adding: addition)
  }

  /// dx [T, in] ← δ [T, out] · weight [out, in] in fp32, bit for bit as with the weight in Float.
  private static func inputGradient(
    _ upstream: Tensor, weight: BFloatMatrix, adding addition: VectorKernels.Addition?
  ) -> Tensor {
    let (tokens, inputs, outputs) = (upstream.shape.rows, weight.shape.columns, weight.shape.rows)
    guard VectorKernels.active.multipliesFast, outputs > 0 else {
      return inputGradient(upstream, weight: weight.expanded, adding: addition)
    }
    precondition(
      upstream.shape.columns == outputs,
      "linear pullback: cotangent \(upstream.shape), weight \(weight.shape)")
    return Tensor(writing: [tokens, inputs]) { target in
      weight.withElements { start in
        withElements(of: upstream) { upstream in
          VectorKernels.active.product(
            Factor(upstream, stride: outputs), .init(start, stride: inputs), rows: tokens,
            columns: inputs, inner: outputs, into: target, stride: inputs, on: .shared,
            adding: addition)
        }
      }
    }
  }

  /// A [rows, inner] · B [inner, columns] (+ bias [columns]).
  private static func product(
    _ a: Tensor, _ b: PackedFactor, bias: Tensor?, adding addition: VectorKernels.Addition?,
    applying epilogue: ActivationEpilogue? = nil
  ) -> Tensor {
    let (rows, inner) = (a.shape.rows, a.shape.columns)
    precondition(
      b.inner == inner && (bias?.count ?? b.columns) == b.columns,
      "linear: input \(a.shape) for a weight of \(b.inner) × \(b.columns)")
    return Tensor(writing: [rows, b.columns]) { c in
      withElements(of: a) { a in
        withElements(ofOptional: bias) { bias in
          VectorKernels.active.product(
            Factor(a, stride: inner), b, rows: rows, bias: bias, into: c, stride: b.columns,
            on: .shared, adding: addition,
            completion: epilogue?.completion(of: c, columns: b.columns))
        }
      }
    }
  }

  /// Computes `forward` for few rows, with the outputs split among the workers.
  private static func fewRows(
    _ x: Tensor, weight: Tensor, bias: Tensor?, scale: Float,
    applying epilogue: ActivationEpilogue?
  ) -> Tensor {
    let (tokens, inputs, outputs) = (x.shape.rows, x.shape.columns, weight.shape.rows)
    return fewRows(
      x, inputs: inputs, outputs: outputs, bias: bias, applying: epilogue
    ) { x, range, y in
      withElements(of: weight) {
        VectorKernels.active.rowProducts(
          rows: tokens, outputs: range.count, inner: inputs, scale: scale, x,
          $0 + range.lowerBound * inputs, into: y, stride: outputs)
      }
    }
  }

  /// The same, where `multiply` computes the outputs of a range from x to a target.
  private static func fewRows(
    _ x: Tensor, inputs: Int, outputs: Int, bias: Tensor?, applying epilogue: ActivationEpilogue?,
    multiply: (UnsafePointer<Float>, Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) -> Tensor {
    let tokens = x.shape.rows
    return Tensor(writing: [tokens, outputs]) { y in
      let completion = epilogue?.completion(of: y, columns: outputs)
      withElements(of: x) { x in
        withElements(ofOptional: bias) { bias in
          let grain = max(8, serialLimit / max(1, tokens * inputs))
          WorkerPool.shared.runRanges(outputs, grain: grain) { range in
            multiply(x, range, y + range.lowerBound)
            if let bias {
              VectorKernels.active.addBias(
                rows: tokens, columns: range.count, stride: outputs, to: y + range.lowerBound,
                bias: bias + range.lowerBound)
            }
            completion?(0..<tokens, range)
          }
        }
      }
    }
  }

  /// The gradient of the input: dx [T, in] ← scale · δ [T, out] · weight [out, in] (+ sum).
  static func inputGradient(
    _ upstream: Tensor, weight: Tensor, scale: Float = 1,
    addingTo sum: consuming Tensor? = nil, adding addition: VectorKernels.Addition? = nil
  ) -> Tensor {
    let (tokens, inputs, outputs) = (upstream.shape.rows, weight.shape.columns, weight.shape.rows)
    precondition(
      upstream.shape.columns == outputs
        && (sum.map { $0.shape == [tokens, inputs] } ?? true),
      "linear pullback: cotangent \(upstream.shape), weight \(weight.shape), "
        + "sum \(sum?.shape ?? [tokens, inputs])")
    let isAdding = sum != nil
    var result = sum ?? Tensor(uninitialized: [tokens, inputs])
    sum = nil
    result.withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: upstream, weight) { upstream, weight in
        product(
          Factor(upstream, stride: outputs), Factor(weight, stride: inputs), rows: tokens,
          columns: inputs, inner: outputs, scale: scale, accumulating: isAdding, into: target,
          adding: addition)
      }
    }
    return result
  }

  /// The gradient of the weight: dW [out, in] ← scale · δ [T, out]ᵀ · x [T, in] (+ dW). A thin
  /// gradient is computed in fp32.
  static func weightGradient(
    upstream: Tensor, input: Tensor, scale: Float = 1, into gradient: inout Tensor,
    accumulating: Bool, precision: Precision = .fp32
  ) {
    let (tokens, outputs, inputs) = (
      upstream.shape.rows, upstream.shape.columns, input.shape.columns
    )
    precondition(
      input.shape.rows == tokens && gradient.shape.rows == outputs
        && gradient.shape.columns == inputs,
      "weight gradient: cotangent \(upstream.shape), input \(input.shape), into \(gradient.shape)")
    if inputs <= fewColumns, outputs > fewColumns {
      // Multiplying few rows is faster than multiplying few columns.
      var transpose = Tensor(uninitialized: [inputs, outputs])
      weightGradient(
        upstream: input, input: upstream, scale: scale, into: &transpose, accumulating: false)
      if accumulating {
        gradient.add(transpose.transposed)
      } else {
        gradient = transpose.transposed
      }
      return
    }
    gradient.withUnsafeMutableElements { buffer in
      guard let target = buffer.baseAddress else { return }
      withElements(of: upstream, input) { upstream, input in
        product(
          Factor(upstream, stride: outputs, isTransposed: true), Factor(input, stride: inputs),
          rows: outputs, columns: inputs, inner: tokens, scale: scale,
          accumulating: accumulating, into: target,
          precision: min(inputs, outputs) > fewColumns ? precision : .fp32)
      }
    }
  }

  private typealias Factor = VectorKernels.Factor

  /// C [rows, columns] ← scale · A · B (+ bias) (+ C), with the output split among the workers.
  private static func product(
    _ a: Factor, _ b: Factor, rows: Int, columns: Int, inner: Int, scale: Float,
    bias: UnsafePointer<Float>? = nil, accumulating: Bool,
    into c: UnsafeMutablePointer<Float>, precision: Precision = .fp32,
    adding addition: VectorKernels.Addition? = nil, completion: VectorKernels.Completion? = nil
  ) {
    if VectorKernels.active.multipliesFast || precision == .bf16, inner > 0 {
      VectorKernels.active.product(
        a, b, rows: rows, columns: columns, inner: inner, scale: scale, bias: bias,
        accumulating: accumulating, into: c, stride: columns, precision: precision, on: .shared,
        adding: addition, completion: completion)
      return
    }
    precondition(addition == nil, "product: BLAS completes no parts")
    split(rows: rows, columns: columns, inner: inner) { rows, part in
      let a = a.rows(from: rows.lowerBound)
      let b = b.columns(from: part.lowerBound)
      let target = c + rows.lowerBound * columns + part.lowerBound
      BLAS.product(
        a.isTransposed ? .transposed : .plain, b.isTransposed ? .transposed : .plain,
        rows: rows.count, columns: part.count, inner: inner, alpha: scale, a.start, a.stride,
        b.start, b.stride, beta: accumulating ? 1 : 0, target, columns)
      if let bias {
        VectorKernels.active.addBias(
          rows: rows.count, columns: part.count, stride: columns, to: target,
          bias: bias + part.lowerBound)
      }
      completion?(rows, part)
    }
  }

  /// Splits an output of `rows` × `columns` among the workers so that its bits do not depend on
  /// their number.
  ///
  /// BLAS sums an element in an order that depends on the element's place in its part, because the
  /// edges of a part have kernels of their own. Rows are therefore cut only between the groups that
  /// a kernel computes together, and columns, which have no such groups, only by the shape: into
  /// strips where there are too few rows to share. The alternative, parts that are all fixed by the
  /// shape, packs B more often than two workers need, and takes 2 to 5 % longer.
  private static func split(
    rows: Int, columns: Int, inner: Int, _ body: (Range<Int>, Range<Int>) -> Void
  ) {
    guard rows * columns * inner > serialLimit else { return body(0..<rows, 0..<columns) }
    let workers = WorkerPool.shared.workerCount
    let strips = rows < leastRows ? max(1, min(mostStrips, columns / leastColumns)) : 1
    // The fewest parts that give every worker the same number of tasks.
    let wanted = (1...workers).first { strips * $0 % workers == 0 } ?? workers
    let width = part(of: columns, among: strips, multiple: columnGroup)
    let height = min(part(of: rows, among: wanted, multiple: rowGroup), mostRows)
    let (across, down) = ((columns + width - 1) / width, (rows + height - 1) / height)
    WorkerPool.shared.run(across * down) { index in
      let (row, column) = (index / across * height, index % across * width)
      body(row..<min(rows, row + height), column..<min(columns, column + width))
    }
  }

  /// Products with fewer rows are also cut into strips of columns.
  private static let leastRows = 96
  /// The largest number of strips.
  private static let mostStrips = 4
  /// The smallest number of columns of a strip, if there are several.
  private static let leastColumns = 192
  /// Strips begin at multiples of this number of columns.
  private static let columnGroup = 48
  /// A multiple of the number of rows that BLAS's kernels compute together: 12 with AVX2, and a
  /// power of two up to 8 on other processors.
  private static let rowGroup = 24
  /// The largest number of rows of a part. It is below the number at which BLAS itself divides the
  /// rows, and a multiple of `rowGroup`.
  private static let mostRows = 1536

  /// The size of the parts into which `count` is split, rounded up to a multiple of `multiple`.
  private static func part(of count: Int, among parts: Int, multiple: Int) -> Int {
    let size = (count + parts - 1) / parts
    return (size + multiple - 1) / multiple * multiple
  }
}

/// An activation that the workers apply to their parts of a product.
struct ActivationEpilogue {
  /// The destination of the results, which have the product's shape.
  enum Target {
    case inPlace
    case beside(UnsafeMutablePointer<Float>)
    /// Writes the results over the product, after storing the product here rounded to bfloat16.
    case inPlaceKeeping(UnsafeMutablePointer<UInt16>)
  }

  let activation: Activation
  let target: Target

  /// The closure that processes a part of the product y [T, columns].
  func completion(
    of y: UnsafeMutablePointer<Float>, columns: Int
  ) -> VectorKernels.Completion {
    { rows, part in
      for row in rows {
        let start = row * columns + part.lowerBound
        var result = y
        switch target {
        case .inPlace: break
        case .beside(let other): result = other
        case .inPlaceKeeping(let words):
          VectorKernels.active.bfloat16s(count: part.count, from: y + start, into: words + start)
        }
        activation.apply(count: part.count, y + start, into: result + start)
      }
    }
  }
}

extension VectorKernels.Factor {
  /// The factor without its first `first` rows.
  fileprivate func rows(from first: Int) -> VectorKernels.Factor {
    VectorKernels.Factor(
      start + first * (isTransposed ? 1 : stride), stride: stride, isTransposed: isTransposed)
  }

  /// The factor without its first `first` columns.
  fileprivate func columns(from first: Int) -> VectorKernels.Factor {
    VectorKernels.Factor(
      start + first * (isTransposed ? stride : 1), stride: stride, isTransposed: isTransposed)
  }
}
