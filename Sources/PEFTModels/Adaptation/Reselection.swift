import PEFTNetwork
import PEFTTensor

/// How often a run chooses again what it trains: after every multiple of some steps, up to half the
/// run. What is chosen later would have too few steps, at ever lower rates, to be worth the search.
public enum ReselectionInterval: Hashable, Sendable, CustomStringConvertible {
  /// A number of steps.
  case steps(Int)
  /// A share of the steps of the run, in percent.
  case percent(Double)

  /// Parses a number of steps, or a share of the run up to a half, such as `25%`. Returns nil for
  /// anything else.
  public init?(_ text: String) {
    if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), percent > 0, percent <= 50 else { return nil }
      self = .percent(percent)
    } else {
      guard let steps = Int(text), steps > 0 else { return nil }
      self = .steps(steps)
    }
  }

  /// The text from which the interval can be parsed.
  public var description: String {
    switch self {
    case .steps(let steps): "\(steps)"
    case .percent(let percent):
      percent == percent.rounded() ? "\(Int(percent))%" : "\(percent)%"
    }
  }

  /// The numbers of steps after which a run of `count` steps chooses again, ascending.
  public func steps(ofRun count: Int) -> [Int] {
    let interval =
      switch self {
      case .steps(let steps): steps
      case .percent(let percent): max(1, Int((percent / 100 * Double(count)).rounded()))
      }
    return Array(stride(from: interval, through: count / 2, by: interval))
  }
}

/// What a run chose again, in the names of the groups of its selection.
public struct Reselection: Hashable, Sendable {
  /// The groups that did not train before.
  public let added: [String]
  /// The groups that no longer train.
  public let dropped: [String]
  /// The groups that train as before.
  public let kept: [String]
  /// The number of parameters that train now, including the head.
  public let trainable: Int
  /// The time of choosing, in seconds.
  public let seconds: Double
}

/// A selection for the rest of a run.
public struct RenewedSelection: Sendable {
  /// What trains from now on, besides the head and the low-rank deltas, which train on.
  public let members: [ParameterGroup.Member]
  /// The names of the groups that did not train before.
  public let added: [String]
  /// The names of the groups that no longer train.
  public let dropped: [String]
  /// The names of the groups that train as before.
  public let kept: [String]

  /// Creates a selection.
  public init(
    members: [ParameterGroup.Member], added: [String], dropped: [String], kept: [String]
  ) {
    (self.members, self.added, self.dropped, self.kept) = (members, added, dropped, kept)
  }
}

extension SelectedTuning {
  /// The session that chooses again what trains; nil if the method chooses once, or the run is too
  /// short to choose again.
  ///
  /// Tensors, rows and single elements of the backbone are exchanged. Low-rank deltas train on, as
  /// the head does. What no longer trains keeps what it has learned, which is then part of the
  /// base, and loses its moments; files record it. What begins to train has moments of zero, and t
  /// of AdamW's bias correction is the number of its own steps. What remains keeps its moments.
  ///
  /// - Parameter choose: the selection for the steps that follow; its argument is the number of
  ///   steps taken before. It changes no value and no trainable elements.
  public func session(
    on model: TransformerModel, steps: Int,
    choosing choose: @escaping (Int) throws -> RenewedSelection
  ) -> (any AdaptationSession)? {
    guard let due = reselection?.steps(ofRun: steps), !due.isEmpty else { return nil }
    return ReselectionSession(on: model, after: Set(due), choosing: choose)
  }
}

private final class ReselectionSession: AdaptationSession {
  let candidates: [Parameter]
  let correctsByAge = true
  private(set) var reselection: Reselection?
  private let model: TransformerModel
  private let due: Set<Int>
  private let choose: (Int) throws -> RenewedSelection

  init(
    on model: TransformerModel, after due: Set<Int>,
    choosing choose: @escaping (Int) throws -> RenewedSelection
  ) {
    (self.model, self.due, self.choose) = (model, due, choose)
    candidates = model.parameters.filter(\.isExchangeable).map(\.parameter)
  }

  func prepare(step: Int) throws -> [ElementChange] {
    reselection = nil
    defer { candidates.forEach { $0.requestGradient() } }
    guard due.contains(step) else { return [] }
    let start = ContinuousClock.now
    let selection = try choose(step)
    let positions = model.positions(of: selection.members)
    let changes = candidates.compactMap { parameter -> ElementChange? in
      let chosen = positions[parameter.name] ?? []
      guard chosen != parameter.trains.positions(in: parameter.shape) else { return nil }
      let before = parameter.recorded
      parameter.retrain(chosen)
      return (parameter, before)
    }
    reselection = Reselection(
      added: selection.added, dropped: selection.dropped, kept: selection.kept,
      trainable: model.trainableCount, seconds: (ContinuousClock.now - start) / .seconds(1))
    return changes
  }
}

extension TransformerModel {
  /// Lets a session exchange what trains of the backbone: its trainable parameters train as single
  /// elements from now on.
  func makeExchangeable() {
    for entry in parameters where entry.isExchangeable {
      let parameter = entry.parameter
      parameter.mayTrainLater = true
      if parameter.isTrainable, parameter.trains.chosenElements == nil {
        parameter.trains = .elements(parameter.trains.positions(in: parameter.shape))
      }
    }
  }

  /// The positions of the elements that `members` consist of, ascending, by the parameter's name.
  fileprivate func positions(of members: [ParameterGroup.Member]) -> [String: [Int]] {
    let shapes = Dictionary(
      uniqueKeysWithValues: parameters.map { ($0.parameter.name, $0.parameter.shape) })
    var positions: [String: [Int]] = [:]
    for member in members {
      let (name, elements): (String, TrainableElements) =
        switch member {
        case .tensor(let name): (name, .all)
        case .row(let name, let row): (name, .rows([row]))
        case .elements(let weight, _, let chosen):
          (weight, chosen.isEmpty ? .none : .elements(chosen))
        case .lowRank(let weight, _): (weight, .none)
        }
      guard let shape = shapes[name] else { continue }
      positions[name] = (positions[name] ?? []).merged(with: elements.positions(in: shape))
    }
    return positions
  }
}

extension ModelParameter {
  /// Whether a session may exchange what trains of it.
  fileprivate var isExchangeable: Bool { kind != .head && adapter == nil }
}

extension Parameter {
  /// The part of a tensor from which on the whole gradient is faster than one of single elements.
  private static let largePart = 0.1

  /// Requests the whole gradient if many elements train.
  fileprivate func requestGradient() {
    let elements = trains.chosenElements?.count ?? 0
    wantsWholeGradient = Double(elements) > Self.largePart * Double(count)
  }
}
