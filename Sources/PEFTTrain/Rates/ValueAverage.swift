import PEFTModels
import PEFTNetwork
import PEFTTensor

/// The mean of what trains over the last steps of an arm of a race.
///
/// A constant rate leaves the values circling around the place to which a falling rate would take
/// them, the wider the higher the rate. Their mean is close to that place (Sandler et al.,
/// Training trajectories, mini-batch losses and the curious role of the learning rate, 2023), so
/// arms that are compared by their means are compared as if each had decayed its rate. Compared by
/// their last values, the lower rates are favoured.
package struct ValueAverage {
  private var sums: [Parameter: Tensor] = [:]
  private var trains: [Parameter: TrainableElements] = [:]
  private var count = 0

  /// A mean of nothing.
  package init() {}

  /// Adds the current values of what trains in `model`. If other elements train than before, the
  /// mean begins again.
  package mutating func add(_ model: TransformerModel) {
    let trained = model.parameters.map(\.parameter).filter(\.isTrainable)
    let current = Dictionary(uniqueKeysWithValues: trained.map { ($0, $0.trains) })
    if current != trains { (sums, trains, count) = ([:], current, 0) }
    for parameter in trained {
      let value = parameter.trainableValue
      sums[parameter, default: Tensor(zeros: value.shape)].add(value, scaledBy: 1)
    }
    count += 1
  }

  /// Sets what trains to the means. Does nothing if nothing was added.
  package func install() {
    for (parameter, sum) in sums {
      var mean = Tensor(zeros: sum.shape)
      mean.add(sum, scaledBy: 1 / Float(count))
      parameter.trainableValue = mean
    }
  }
}
