/// AdamW on whole tensors, the elements cut over the workers.
enum AdamWKernel {
  typealias Constants = VectorKernels.AdamWConstants

  private static let grain = 1 << 14

  /// One step in place.
  static func step(
    _ constants: Constants, value: inout Tensor, gradient: Tensor, mean: inout Tensor,
    meanSquare: inout Tensor
  ) {
    precondition(
      value.count == gradient.count && value.count == mean.count,
      "AdamW: value \(value.shape), gradient \(gradient.shape), mean \(mean.shape)")
    value.withUnsafeMutableElements { value in
      mean.withUnsafeMutableElements { mean in
        meanSquare.withUnsafeMutableElements { meanSquare in
          guard let p = value.baseAddress, let m = mean.baseAddress, let v = meanSquare.baseAddress
          else { return }
          withElements(of: gradient) { g in
            WorkerPool.shared.runRanges(value.count, grain: grain) { range in
              let start = range.lowerBound
              VectorKernels.active.adamW(
                count: range.count, constants, parameters: p + start, gradient: g + start,
                mean: m + start, meanSquare: v + start)
            }
          }
        }
      }
    }
  }

  /// m̂ / (√v̂ + ε) of the next step.
  static func direction(
    _ constants: Constants, gradient: Tensor, mean: Tensor, meanSquare: Tensor
  ) -> Tensor {
    precondition(
      gradient.count == mean.count, "AdamW: gradient \(gradient.shape), mean \(mean.shape)")
    return Tensor(writing: gradient.shape) { result in
      withElements(of: gradient, mean, meanSquare) { g, m, v in
        WorkerPool.shared.runRanges(gradient.count, grain: grain) { range in
          let start = range.lowerBound
          VectorKernels.active.adamWDirection(
            count: range.count, constants, gradient: g + start, mean: m + start,
            meanSquare: v + start, into: result + start)
        }
      }
    }
  }
}
