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
      return forward(
        x, weight: weight.value, bias: bias?.value, adding: addition, applying: epilogue)
    }
    return product(
      x, weight.packed(.forOutputs), bias: bias?.value, adding: addition, applying: epilogue)
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
      return inputGradient(upstream, weight: weight.value, adding: addition)
    }
    return product(upstream, weight.packed(.forInputs), bias: nil, adding: addition)
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
    return Tensor(writing: [tokens, outputs]) { y in
      let completion = epilogue?.completion(of: y, columns: outputs)
      withElements(of: x, weight) { x, weight in
        withElements(ofOptional: bias) { bias in
          let grain = max(8, serialLimit / max(1, tokens * inputs))
          WorkerPool.shared.runRanges(outputs, grain: grain) { range in
            VectorKernels.active.rowProducts(
              rows: tokens, outputs: range.count, inner: inputs, scale: scale, x,
              weight + range.lowerBound * inputs, into: y + range.lowerBound, stride: outputs)
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
    split(rows: rows, columns: columns, inner: inner, packingRows: a.isTransposed) {
      rows, part in
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

  /// The minimum number of columns for each worker when columns are split. A worker packs its part
  /// of B once for all its rows.
  private static let leastColumns = 48

  /// Splits an output of `rows` × `columns` into a grid with one part for each worker. The grid
  /// minimises the packing for each part: its columns of B and, if A is packed too, its rows of A.
  private static func split(
    rows: Int, columns: Int, inner: Int, packingRows: Bool,
    _ body: (Range<Int>, Range<Int>) -> Void
  ) {
    let workers = WorkerPool.shared.workerCount
    guard rows * columns * inner > serialLimit, workers > 1 else {
      return body(0..<rows, 0..<columns)
    }
    func cost(_ across: Int) -> Double {
      let down = workers / across
      return Double(columns) / Double(across) + (packingRows ? 1 : 0.3) * Double(rows)
        / Double(down)
    }
    let across =
      (1...workers).filter {
        workers % $0 == 0 && (columns / $0 >= leastColumns || $0 == 1)
      }.min { cost($0) < cost($1) } ?? 1
    let width = part(of: columns, among: across, multiple: leastColumns)
    let height = part(of: rows, among: workers / across, multiple: 8)
    let (acrossCount, downCount) = (
      (columns + width - 1) / width, (rows + height - 1) / height
    )
    WorkerPool.shared.run(acrossCount * downCount) { index in
      let (row, column) = (index / acrossCount * height, index % acrossCount * width)
      body(row..<min(rows, row + height), column..<min(columns, column + width))
    }
  }

  /// The size of the parts into which `count` is split, rounded up to a multiple of `multiple` if
  /// there are several parts.
  private static func part(of count: Int, among parts: Int, multiple: Int) -> Int {
    let size = (count + parts - 1) / parts
    return max(1, parts == 1 ? count : (size + multiple - 1) / multiple * multiple)
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
