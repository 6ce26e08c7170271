/// Single elements of a parameter's gradient, in the order of their positions: [|elements|].
///
/// A few elements of a matrix's gradient Σ_t δ_tᵀ x_t are computed alone, as Σ_t δ_ti x_tj in
/// Double. Where they are many, or the gradient has another form, the whole gradient is formed
/// first.
struct SelectedElementsGradient: ParameterGradient {
  private let whole: any ParameterGradient
  private let shape: Shape
  private let elements: [Int]

  /// An element that is computed alone takes as long as this many of a whole product.
  private static let costOfElement = 256

  /// The number of elements that are computed together, whose sums and places fit in the
  /// first-level cache with a row of each factor.
  private static let blockSize = 1 << 10

  /// The elements at the row-major positions `elements` of the gradient of a parameter of this
  /// shape.
  init(of whole: any ParameterGradient, shape: Shape, elements: [Int]) {
    (self.whole, self.shape, self.elements) = (whole, shape, elements)
  }

  /// Computes the elements.
  func accumulate(into sum: inout Tensor, adding: Bool, precision: Precision) {
    let selected = product ?? selection(precision)
    if adding { sum.add(selected) } else { sum.copyElements(of: selected) }
  }

  private func selection(_ precision: Precision) -> Tensor {
    var gradient = Tensor(uninitialized: shape)
    whole.accumulate(into: &gradient, adding: false, precision: precision)
    return gradient.elements(at: elements)
  }

  /// The elements, each computed alone; nil unless that is worth it.
  private var product: Tensor? {
    guard let factors = whole as? OuterProductGradient,
      Self.costOfElement * elements.count <= shape.count
    else { return nil }
    let (tokens, outputs, inputs) = (factors.input.shape.rows, shape.rows, shape.columns)
    let rows = elements.map { Int32($0 / inputs) }
    let columns = elements.map { Int32($0 % inputs) }
    return Tensor(writing: [elements.count]) { target in
      withElements(of: factors.upstream, factors.input) { upstream, input in
        WorkerPool.shared.runRanges(elements.count, grain: 8) { range in
          for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.blockSize) {
            let count = min(range.upperBound, first + Self.blockSize) - first
            withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { sums in
              sums.initialize(repeating: 0)
              guard let start = sums.baseAddress else { return }
              rows.withUnsafeBufferPointer { rows in
                columns.withUnsafeBufferPointer { columns in
                  guard let rows = rows.baseAddress, let columns = columns.baseAddress else {
                    return
                  }
                  // Tokens outside, so that a row of each factor is read once, from the cache.
                  VectorKernels.active.addSampledProducts(
                    of: upstream, leftStride: outputs, input, rightStride: inputs, tokens: tokens,
                    rows: rows + first, columns: columns + first, count: count, to: start)
                }
              }
              for index in 0..<count { target[first + index] = factors.scale * Float(sums[index]) }
            }
          }
        }
      }
    }
  }

  /// Traps: a restricted gradient is not restricted again.
  func restricted(to rows: [Int]) -> any ParameterGradient {
    preconditionFailure("restricted: to rows of single elements")
  }

  /// Traps: probing takes whole gradients.
  func contracted(
    with direction: Tensor, image: Tensor?, partition: RowPartition, by split: ElementSplit
  ) -> [Double] {
    preconditionFailure("contracted: single elements of a gradient")
  }
}
