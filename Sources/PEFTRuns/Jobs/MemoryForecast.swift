import PEFTTensor

/// The memory that a job will need, by purpose.
///
/// A forecast is made before the memory is allocated. `check(available:)` refuses a job that would
/// not fit, and its error says what needs the memory and how to reduce it.
public struct MemoryForecast: Hashable, Sendable {
  /// A purpose for which memory is needed.
  public enum Item: String, CaseIterable, Hashable, Sendable {
    /// The process without the model: code, vocabulary and data.
    case process
    /// The parameters in the form that the job holds. In bf16, frozen matrices are only packed.
    case weights
    /// The gradients of the trainable parameters.
    case gradients
    /// AdamW's two moments of the trainable parameters.
    case optimizer
    /// The best of the states that a search for a learning rate compares, and the values from which
    /// they begin.
    case rateSearch
    /// The copy of the best parameters.
    case bestCopy
    /// Frozen matrices packed for products in bf16.
    case packedWeights
    /// The activations of the largest batch.
    case activations
    /// The sums of a probe: of the gradients and of their squares.
    case moments
    /// The direction along which a probe measures.
    case direction
    /// A copy of the parameters as they were before a probe.
    case snapshot

    /// The item's name in tables and messages.
    public var title: String {
      switch self {
      case .process: "process and data"
      case .weights: "weights"
      case .gradients: "gradients"
      case .optimizer: "optimizer state"
      case .rateSearch: "learning-rate search"
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
  /// How to reduce the memory, as in "lower `batch-size`".
  public let remedy: String
  /// The number of bytes that the process holds or has held: its own and those of the loaded
  /// parameters; 0 before a model is loaded.
  public let heldBytes: Int
  private var bytes: [Item: Int] = [:]

  /// Creates a forecast without items.
  ///
  /// - Parameters:
  ///   - activity: the job, as the subject of a message.
  ///   - heldBytes: the number of bytes that the process holds or has held.
  ///   - remedy: how to reduce the memory.
  public init(of activity: String, heldBytes: Int = 0, remedy: String) {
    self.activity = activity
    self.heldBytes = heldBytes
    self.remedy = remedy
  }

  /// The bytes of an item; 0 if the job does not need it.
  public subscript(item: Item) -> Int {
    get { bytes[item] ?? 0 }
    set { bytes[item] = newValue }
  }

  /// The peak memory of the process in bytes.
  public var totalBytes: Int { max(heldBytes, sum) }

  /// The number of bytes that the process does not hold yet.
  public var neededBytes: Int { totalBytes - heldBytes }

  /// The sum of the items, computed in Double because sizes from a file may be absurdly large.
  private var sum: Int {
    Int(saturating: Item.allCases.reduce(0.0) { $0 + Double(self[$1]) })
  }

  /// Throws if the job needs more memory than the system can provide.
  ///
  /// - Parameter available: the number of bytes that the process may still allocate.
  public func check(
    available: Int = Processor.availableMemory
  ) throws(InsufficientMemory) {
    guard neededBytes > available else { return }
    throw InsufficientMemory(self, available: available)
  }
}

/// The error for a job that does not fit into memory.
///
/// The message says what needs the memory, how much is free, and which settings help.
public struct InsufficientMemory: Error, Hashable, Sendable, CustomStringConvertible {
  /// The memory that the job would need.
  public let forecast: MemoryForecast
  /// The number of bytes that the process may still allocate.
  public let available: Int

  init(_ forecast: MemoryForecast, available: Int) {
    self.forecast = forecast
    self.available = available
  }

  /// The message.
  public var description: String {
    let items = MemoryForecast.Item.allCases.filter { item in
      // Memory that the process already holds is not part of the shortage.
      let isHeld = item == .process || item == .weights && forecast.heldBytes > 0
      return forecast[item] > 0 && !isHeld
    }.map { "\($0.title) \(Self.mebibytes(forecast[$0]))" }
    return "\(forecast.activity) needs \(Self.mebibytes(forecast.neededBytes)) more ("
      + items.joined(separator: ", ") + "), and \(Self.mebibytes(available)) are free; "
      + forecast.remedy
  }

  private static func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
}
