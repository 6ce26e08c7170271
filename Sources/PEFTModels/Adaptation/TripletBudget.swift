import PEFTNetwork
import PEFTTensor

/// AdaLoRA's part in a run: the penalty on P and Q, the importances of triplets, and the budget
/// that takes them away. See ``AdaptiveRankAdaptation``.
package final class TripletBudget: AdaptationSession {
  private let method: AdaptiveRankAdaptation
  private let adapters: [TripletAdapter]
  /// tᵢ.
  private let warmupEnd: Int
  /// T − t_f.
  package let settledStep: Int
  /// Ī and Ū, by parameter name; empty before the first step and once the budget is met.
  private var sensitivities: [String: Tensor] = [:]
  private var uncertainties: [String: Tensor] = [:]
  /// Ones for the triplets that are left at the end, by the name of λ; empty until then.
  private var kept: [String: Tensor] = [:]

  init(method: AdaptiveRankAdaptation, adapters: [TripletAdapter], steps: Int) {
    (self.method, self.adapters) = (method, adapters)
    warmupEnd = Int(method.warmup * Double(steps))
    settledStep = max(warmupEnd + 1, steps - Int(method.final * Double(steps)))
  }

  package let candidates: [Parameter] = []

  package var state: [String: [String: Tensor]] {
    get { ["kept": kept, "sensitivity": sensitivities, "uncertainty": uncertainties] }
    set {
      kept = newValue["kept"] ?? [:]
      sensitivities = newValue["sensitivity"] ?? [:]
      uncertainties = newValue["uncertainty"] ?? [:]
    }
  }

  /// Adds the gradients of the penalty.
  package func adjust(_ gradients: GradientAccumulator, step: Int) -> [ElementChange] {
    addPenalty(to: gradients)
    return []
  }

  /// Adds the gradients of the penalty, 2 γ (Q Qᵀ − I) Q / (n ‖Q Qᵀ − I‖) for each of the n
  /// matrices Q and Pᵀ, and returns its value.
  @discardableResult
  package func addPenalty(to gradients: GradientAccumulator) -> Double {
    guard method.penalty > 0 else { return 0 }
    let share = method.penalty / Double(2 * adapters.count)
    var sum = 0.0
    func add(_ rows: Tensor, _ receive: (Tensor) -> Void) {
      var excess = Tensor(zeros: [rows.shape.rows, rows.shape.rows])
      excess.addProduct(of: rows, rows.transposed, scale: 1)
      excess.withUnsafeMutableElements { elements in
        for index in 0..<rows.shape.rows { elements[index * (rows.shape.rows + 1)] -= 1 }
      }
      let norm = excess.sumOfSquares.squareRoot()
      sum += share * norm
      guard norm > 0 else { return }
      var gradient = Tensor(zeros: rows.shape)
      gradient.addProduct(of: excess, rows, scale: Float(2 * share / norm))
      receive(gradient)
    }
    func receive(_ gradient: Tensor, _ parameter: Parameter) {
      gradients.receive(.dense(gradient), of: parameter, partition: RowPartition(examples: 1))
    }
    for adapter in adapters {
      add(adapter.down.value) { receive($0, adapter.down) }
      add(adapter.up.value.transposed) { receive($0.transposed, adapter.up) }
    }
    return sum
  }

  package func finish(_ gradients: GradientAccumulator, step: Int) {
    let taken = step + 1
    if taken < settledStep {
      update(gradients)
      if taken > warmupEnd, taken.isMultiple(of: method.interval) {
        clear(besides: left(within: budget(after: taken)))
      }
    } else {
      if taken == settledStep {
        for (adapter, isLeft) in zip(adapters, left(within: budget(rank: method.rank))) {
          kept[adapter.values.name] = Tensor(
            isLeft.map { $0 ? 1 : 0 }, shape: adapter.values.shape)
        }
        (sensitivities, uncertainties) = ([:], [:])
      }
      clear(besides: adapters.map { kept[$0.values.name]?.elements.map { $0 != 0 } ?? [] })
    }
  }

  /// The price of `rank` triplets of every target.
  private func budget(rank: Int) -> Int { adapters.reduce(0) { $0 + rank * price(in: $1) } }

  /// What a triplet of an adapter takes of the budget.
  private func price(in adapter: TripletAdapter) -> Int {
    method.price == .rank ? 1 : adapter.tripletSize
  }

  /// b(t) between the warm-up and the end of the falling.
  private func budget(after taken: Int) -> Int {
    let (start, end) = (Double(budget(rank: method.startRank)), Double(budget(rank: method.rank)))
    let left = 1 - Double(taken - warmupEnd) / Double(settledStep - warmupEnd)
    return Int((start - end) * left * left * left + end)
  }

  /// Updates Ī and Ū of everything that trains.
  private func update(_ gradients: GradientAccumulator) {
    let (slow, rough) = (Float(method.sensitivityDecay), Float(method.uncertaintyDecay))
    for parameter in adapters.flatMap({ $0.factors.map(\.parameter) }) {
      let gradient = gradients[parameter] ?? Tensor(zeros: parameter.shape)
      var average = sensitivities[parameter.name] ?? Tensor(zeros: parameter.shape)
      var spread = uncertainties[parameter.name] ?? Tensor(zeros: parameter.shape)
      parameter.value.withUnsafeElements { values in
        gradient.withUnsafeElements { gradient in
          average.withUnsafeMutableElements { average in
            spread.withUnsafeMutableElements { spread in
              for index in values.indices {
                let now = abs(values[index] * gradient[index])
                average[index] = slow * average[index] + (1 - slow) * now
                spread[index] = rough * spread[index] + (1 - rough) * abs(now - average[index])
              }
            }
          }
        }
      }
      (sensitivities[parameter.name], uncertainties[parameter.name]) = (average, spread)
    }
  }

  /// S of every triplet of an adapter; zeros before the first step.
  private func importances(in adapter: TripletAdapter) -> [Double] {
    var sums = [Double](repeating: 0, count: adapter.rank)
    for factor in [adapter.values, adapter.down, adapter.up] {
      guard let average = sensitivities[factor.name], let spread = uncertainties[factor.name] else {
        continue
      }
      // The triplets are the rows of λ and Q, and the columns of P.
      let isAcross = factor == adapter.up
      let length = factor.count / adapter.rank
      average.withUnsafeElements { average in
        spread.withUnsafeElements { spread in
          for index in average.indices {
            sums[isAcross ? index % adapter.rank : index / length] +=
              Double(average[index] * spread[index]) / Double(length)
          }
        }
      }
    }
    return sums
  }

  /// Which triplets of each adapter are left of those with the largest importances for their price.
  private func left(within budget: Int) -> [[Bool]] {
    var triplets: [(adapter: Int, index: Int, worth: Double)] = []
    for (number, adapter) in adapters.enumerated() {
      let price = Double(price(in: adapter))
      triplets += importances(in: adapter).enumerated().map { (number, $0, $1 / price) }
    }
    var left = adapters.map { [Bool](repeating: false, count: $0.rank) }
    var rest = budget
    for triplet in triplets.sorted(by: {
      ($1.worth, $0.index, $0.adapter) < ($0.worth, $1.index, $1.adapter)
    }) {
      let price = price(in: adapters[triplet.adapter])
      guard price <= rest else { continue }
      rest -= price
      left[triplet.adapter][triplet.index] = true
    }
    return left
  }

  /// Sets the λ of all other triplets to zero.
  private func clear(besides left: [[Bool]]) {
    for (adapter, isLeft) in zip(adapters, left) where isLeft.contains(false) {
      adapter.values.value.withUnsafeMutableElements { values in
        for index in values.indices where !isLeft[index] { values[index] = 0 }
      }
    }
  }
}
