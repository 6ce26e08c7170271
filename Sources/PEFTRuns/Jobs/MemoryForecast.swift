import PEFTTensor

/// The memory that a job will need, by what it is needed for.
///
/// A forecast is made before the memory is taken. `check(available:)` refuses a job that would not
/// fit, and says what needs the memory and how to need less.
public struct MemoryForecast: Hashable, Sendable {
  /// What memory is needed for.
  public enum Item: String, CaseIterable, Hashable, Sendable {
    /// The process without the model: code, vocabulary, data.
    case process
    /// The parameters, as the job holds them. In bf16, frozen matrices are only packed.
    case weights
    /// The gradients of what trains.
    case gradients
    /// AdamW's two moments of what trains.
    case optimizer
    /// The copy of the best parameters.
    case bestCopy
    /// Frozen matrices packed for products in bf16.
    case packedWeights
    /// The activations of the largest batch.
    case activations
    /// The sums of a probe: of the gradients, and of their squares.
    case moments
    /// The direction along which a probe measures.
    case direction
    /// The copy of the parameters from before a probe.
    case snapshot

    /// The item's name in tables and messages.
    public var title: String {
      switch self {
      case .process: "process and data"
      case .weights: "weights"
      case .gradients: "gradients"
      case .optimizer: "optimizer state"
      case .bestCopy: "copy of the best"
      case .packedWeights: "packed weights"
      case .activations: "activations"
      case .moments: "sums of gradients"
      case .direction: "direction"
      case .snapshot: "copy of the weights"
      }
    }
  }

  /// The job, as the subject of a message: "training".
  public let activity: String
  /// How to need less memory, as in "lower `batch-size`".
  public let remedy: String
  /// Bytes that the process has or has had: its own and those of the parameters as they were
  /// loaded; 0 before a model is loaded.
  public let heldBytes: Int
  private var bytes: [Item: Int] = [:]

  /// A forecast without items.
  ///
  /// - Parameters:
  ///   - activity: the job, as the subject of a message.
  ///   - heldBytes: bytes that the process has or has had.
  ///   - remedy: how to need less memory.
  public init(of activity: String, heldBytes: Int = 0, remedy: String) {
    self.activity = activity
    self.heldBytes = heldBytes
    self.remedy = remedy
  }

  /// Bytes of an item; 0 for one that the job does not need.
  public subscript(item: Item) -> Int {
    get { bytes[item] ?? 0 }
    set { bytes[item] = newValue }
  }

  /// The most bytes that the process has at once.
  public var totalBytes: Int { max(heldBytes, sum) }

  /// Bytes that the process does not have yet.
  public var neededBytes: Int { totalBytes - heldBytes }

  /// The sum of the items; in Double, because sizes from a file may be absurd.
  private var sum: Int {
    Int(saturating: Item.allCases.reduce(0.0) { $0 + Double(self[$1]) })
  }

  /// Throws where the job needs more than the system will give.
  ///
  /// - Parameter available: bytes that the process may still take.
  public func check(
    available: Int = Processor.availableMemory
  ) throws(InsufficientMemory) {
    guard neededBytes > available else { return }
    throw InsufficientMemory(self, available: available)
  }
}

/// A job that does not fit into memory.
///
/// The message says what needs the memory, what is free, and the settings that help.
public struct InsufficientMemory: Error, Hashable, Sendable, CustomStringConvertible {
  /// What the job would need.
  public let forecast: MemoryForecast
  /// Bytes that the process may still take.
  public let available: Int

  init(_ forecast: MemoryForecast, available: Int) {
    self.forecast = forecast
    self.available = available
  }

  /// The message.
  public var description: String {
    let items = MemoryForecast.Item.allCases.filter { item in
      // What the process has already is not what it lacks.
      let isHeld = item == .process || item == .weights && forecast.heldBytes > 0
      return forecast[item] > 0 && !isHeld
    }.map { "\($0.title) \(Self.mebibytes(forecast[$0]))" }
    return "\(forecast.activity) needs \(Self.mebibytes(forecast.neededBytes)) more ("
      + items.joined(separator: ", ") + "), and \(Self.mebibytes(available)) are free; "
      + forecast.remedy
  }

  private static func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
}
