import Foundation

extension AdamWKernel {
  /// Takes one step of single elements in place, each with its own t: its age, which this increases
  /// by one first. Elements of equal ages move exactly as in a step of all of them with that t.
  ///
  /// - Parameter constants: the constants, whose bias corrections are replaced.
  /// - Shapes: all tensors [k].
  static func step(
    _ constants: Constants, value: inout Tensor, gradient: Tensor,
    mean: inout Tensor, meanSquare: inout Tensor, age: inout Tensor
  ) {
    precondition(
      value.count == gradient.count && value.count == mean.count && value.count == age.count,
      "AdamW: value \(value.shape), gradient \(gradient.shape), age \(age.shape)")
    let count = value.count
    var known: [Float: Constants] = [:]
    value.withUnsafeMutableElements { value in
      mean.withUnsafeMutableElements { mean in
        meanSquare.withUnsafeMutableElements { meanSquare in
          age.withUnsafeMutableElements { age in
            guard let p = value.baseAddress, let m = mean.baseAddress,
              let v = meanSquare.baseAddress
            else { return }
            for index in 0..<count { age[index] += 1 }
            withElements(of: gradient) { g in
              var start = 0
              while start < count {
                var end = start + 1
                while end < count, age[end] == age[start] { end += 1 }
                let now = known[age[start]] ?? constants.corrected(for: Double(age[start]))
                known[age[start]] = now
                VectorKernels.active.adamW(
                  count: end - start, now, parameters: p + start, gradient: g + start,
                  mean: m + start, meanSquare: v + start)
                start = end
              }
            }
          }
        }
      }
    }
  }
}

extension VectorKernels.AdamWConstants {
  /// The constants of step t.
  fileprivate func corrected(for step: Double) -> Self {
    var constants = self
    constants.biasCorrection1 = 1 - pow(beta1, step)
    constants.biasCorrection2 = 1 - pow(beta2, step)
    return constants
  }
}
