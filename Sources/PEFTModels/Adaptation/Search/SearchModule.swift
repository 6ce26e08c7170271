import PEFTTensor

/// A module that a search may keep: a low-rank delta on a weight, a bias, or a norm.
///
/// A delta of dimension d is made of the first d rows of A and columns of B; all dimensions share
/// them.
package final class SearchModule {
  /// The kinds of modules.
  package enum Kind: String, CaseIterable {
    case delta, bias, norm
  }

  /// The kind.
  package let kind: Kind
  /// The path of a delta's layer, the name of a bias, or the path of a norm.
  package let name: String
  /// The ranks from which the search chooses, ascending; 1 for a module without a rank.
  package let dimensions: [Int]
  /// The number of parameters in each of them.
  package let sizes: [Int]
  /// What the factors act on: B, or the vectors.
  let changes: [GatedChange]
  /// What trains besides: A.
  let others: [Parameter]

  /// The delta of `adapter`, whose rank is the largest dimension, on the layer at the path `name`.
  init(_ name: String, _ adapter: LowRankAdapter, dimensions: [Int]) {
    (kind, self.name, self.dimensions) = (.delta, name, dimensions)
    let side = adapter.down.shape.columns + adapter.up.shape.rows
    sizes = dimensions.map { $0 * side }
    changes = [GatedChange(of: adapter.up, columns: adapter.rank)]
    others = [adapter.down]
  }

  /// The vectors of a bias or a norm.
  init(_ kind: Kind, _ name: String, _ vectors: [Parameter]) {
    (self.kind, self.name, dimensions) = (kind, name, [1])
    sizes = [vectors.reduce(0) { $0 + $1.count }]
    changes = vectors.map { GatedChange(of: $0) }
    others = []
  }

  /// What the search trains of the module: the changes, and A.
  package var trained: [Parameter] { changes.map(\.change) + others }

  /// The factors λ_j of the columns for a gate z, which is 0 or 1, and the dimension of this index.
  private func factors(_ sample: ModuleSample) -> [Double] {
    let gate = sample.isOn ? 1.0 : 0
    guard kind == .delta, let rank = changes.first?.columns else { return [gate] }
    return (0..<rank).map { $0 < dimensions[sample.dimension] ? gate : 0 }
  }

  /// Lets the model compute with the module as `sample` has it.
  package func write(_ sample: ModuleSample) {
    for change in changes { change.write(factors(sample)) }
  }

  /// Lets the model compute without the module.
  package func restore() {
    for change in changes { change.restore() }
  }

  /// The gradients with respect to gate and dimensions, and the sensitivity Σ |w ∂L/∂w| / n over
  /// the n parameters of the dimension that was sampled.
  ///
  /// - Parameters:
  ///   - gradients: those of a batch for which the model computed with `sample`.
  ///   - steps: receives the gradients of `trained`; nil for none.
  package func pullBack(
    _ gradients: GradientAccumulator, of sample: ModuleSample, to steps: GradientAccumulator? = nil
  ) -> (gate: Double, dimensions: [Double], sensitivity: Double) {
    let factors = self.factors(sample)
    var (columns, salience) = (factors.map { _ in 0.0 }, 0.0)
    func deliver(_ gradient: Tensor, of parameter: Parameter) {
      steps?.receive(.dense(gradient), of: parameter, partition: RowPartition(examples: 1))
    }
    for change in changes {
      guard let gradient = gradients[change.parameter] else { continue }
      let pulled = change.pullBack(gradient, factors: factors)
      for index in columns.indices { columns[index] += pulled.factors[index] }
      salience += pulled.salience
      deliver(pulled.change, of: change.change)
    }
    for parameter in others {
      guard let gradient = gradients[parameter] else { continue }
      salience += parameter.value.absoluteProduct(with: gradient)
      deliver(gradient, of: parameter)
    }
    // λ_j = z Σ_k q_k [j < d_k], where q is the one-hot choice of the dimension.
    let gate = zip(columns, self.factors(sample.turnedOn)).reduce(0) { $0 + $1.0 * $1.1 }
    let dimensions = self.dimensions.map { dimension in
      sample.isOn ? columns.prefix(dimension).reduce(0, +) : 0
    }
    return (gate, dimensions, salience / Double(sizes[sample.dimension]))
  }
}

/// What a round of a search takes a module for.
package struct ModuleSample {
  /// The choice between off, 0, and on, 1.
  package let gate: GumbelChoice
  /// The choice of the dimension; nil if there is nothing to choose.
  package let dimensionChoice: GumbelChoice?
  /// The index of the dimension.
  package let dimension: Int
  /// Whether the module is on.
  package private(set) var isOn: Bool

  /// A sample of gate and dimension.
  package init(gate: GumbelChoice, dimension: GumbelChoice) {
    (self.gate, dimensionChoice, self.dimension) = (gate, dimension, dimension.index)
    isOn = gate.index == 1
  }

  /// A sample of the gate, at a dimension that is settled.
  package init(gate: GumbelChoice, settled dimension: Int) {
    (self.gate, dimensionChoice, self.dimension) = (gate, nil, dimension)
    isOn = gate.index == 1
  }

  /// The sample with the gate on.
  var turnedOn: Self {
    var sample = self
    sample.isOn = true
    return sample
  }
}

extension Tensor {
  /// Σ |a_i b_i|.
  fileprivate func absoluteProduct(with other: Tensor) -> Double {
    withUnsafeElements { mine in
      other.withUnsafeElements { theirs in
        zip(mine, theirs).reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
      }
    }
  }
}
