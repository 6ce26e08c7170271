import PEFTTensor

/// A tensor v = v₀ + w diag(λ) whose change w a search trains, with a factor λ_j for every column
/// of w that gates and dimensions determine.
///
/// The model computes with v, so its backward pass gives ∂L/∂v, from which everything else follows:
///
///     ∂L/∂w_ij = λ_j ∂L/∂v_ij,   ∂L/∂λ_j = Σ_i w_ij ∂L/∂v_ij
///
/// No operation needs to know of gates. For B [out, R] of a delta, v₀ is zero, w is B, and there
/// are R columns; for a vector [n], v₀ is its value and w one column.
struct GatedChange {
  /// v.
  let parameter: Parameter
  /// w, zero at first.
  let change: Parameter
  /// The number of columns.
  let columns: Int
  private let start: Tensor
  private let origin: Parameter.Origin?

  /// The change of `parameter`, whose value is v₀, in so many columns: those of a matrix, or 1.
  init(of parameter: Parameter, columns: Int = 1) {
    (self.parameter, self.columns) = (parameter, columns)
    (start, origin) = (parameter.value, parameter.origin)
    change = Parameter(name: parameter.name, value: Tensor(zeros: start.shape))
  }

  /// Sets v for the factors λ, one for every column.
  func write(_ factors: [Double]) {
    var value = start
    value.withUnsafeMutableElements { v in
      change.value.withUnsafeElements { w in
        for index in v.indices { v[index] += Float(factors[index % columns]) * w[index] }
      }
    }
    parameter.value = value
  }

  /// Sets v to v₀.
  func restore() {
    parameter.value = start
    parameter.origin = origin
  }

  /// ∂L/∂w, ∂L/∂λ and Σ |w ∂L/∂w|, from ∂L/∂v and the factors λ.
  func pullBack(
    _ gradient: Tensor, factors: [Double]
  ) -> (change: Tensor, factors: [Double], salience: Double) {
    var result = gradient
    var (sums, salience) = (Array(repeating: 0.0, count: columns), 0.0)
    result.withUnsafeMutableElements { g in
      change.value.withUnsafeElements { w in
        for index in g.indices {
          let column = index % columns
          let product = Double(w[index]) * Double(g[index])
          sums[column] += product
          salience += abs(product * factors[column])
          g[index] *= Float(factors[column])
        }
      }
    }
    return (result, sums, salience)
  }
}
