/// The elements of a parameter that are trainable, and those that were earlier.
public struct TrainingHistory: Hashable, Sendable {
  /// The elements that are trainable.
  public let trains: TrainableElements
  /// The positions of those that were trainable earlier and no longer are, ascending and distinct.
  public let retired: [Int]

  /// Creates a history. Elements that are trainable must not be among `retired`.
  public init(trains: TrainableElements, retired: [Int] = []) {
    (self.trains, self.retired) = (trains, retired)
  }

  /// Whether only some rows or elements of the parameter train or trained.
  package var isOfParts: Bool {
    trains.chosenRows != nil || trains.chosenElements != nil || !retired.isEmpty
  }

  /// All these elements of a parameter of `shape`.
  package func recorded(in shape: Shape) -> TrainableElements {
    retired.isEmpty ? trains : trains.adding(retired, in: shape)
  }
}

extension Parameter {
  /// The elements that are trainable, and those that were earlier.
  package var history: TrainingHistory {
    get { TrainingHistory(trains: trains, retired: retired) }
    set { (trains, retired) = (newValue.trains, newValue.retired) }
  }

  /// The elements that files record: those that are trainable, and those that were earlier.
  package var recorded: TrainableElements { history.recorded(in: shape) }

  /// The values of the recorded elements.
  package var recordedValue: Tensor {
    get { value(of: recorded) }
    set { updateValue(of: recorded) { $0 = newValue } }
  }

  /// The number of recorded elements.
  package var recordedCount: Int { recorded == .none ? 0 : recorded.shape(in: shape).count }

  /// Restores what a state records: the history and the values of its elements. Without a history,
  /// all elements that a method would choose are frozen.
  package func restore(_ saved: TrainingHistory?, _ value: Tensor?) {
    if let saved {
      history = saved
    } else if recordsElements {
      history = TrainingHistory(trains: .none)
    }
    if let value { recordedValue = value }
  }

  /// Trains the elements at the ascending `positions`, and no others. Those that were trainable
  /// retire.
  package func retrain(_ positions: [Int]) {
    history = TrainingHistory(
      trains: positions.isEmpty ? .none : .elements(positions),
      retired: recorded.positions(in: shape).subtracting(positions))
  }
}
