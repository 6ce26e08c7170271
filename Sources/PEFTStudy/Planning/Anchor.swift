import Foundation
import PEFTReport
import PEFTTensor

/// The uniform sets that were compared under a budget, and the one from which a plan starts.
///
/// A selection has to earn its place: the plan is the uniform set unless the resampled probes are
/// certain that the selection is better.
public struct Anchor: Hashable, Sendable {
  /// A set of groups that was compared.
  public struct Candidate: Hashable, Sendable {
    /// The name of a uniform set, or `selection`.
    public let name: String
    /// The number of parameters, without the head.
    public let parameters: Int
    /// e(S): the slope of the loss for the distance that a common step moves the answers; see
    /// `StepEfficiency`.
    public let efficiency: Double
    /// The bounds of e(S) minus that of the anchor, from resampled probes.
    public let advantage: ClosedRange<Double>

    /// Creates a candidate.
    public init(
      name: String, parameters: Int, efficiency: Double, advantage: ClosedRange<Double>
    ) {
      (self.name, self.parameters) = (name, parameters)
      (self.efficiency, self.advantage) = (efficiency, advantage)
    }
  }

  /// The name of the selection among the candidates.
  public static let selectionName = "selection"

  /// The name of the uniform set.
  public let name: String
  /// All uniform sets within the budget, and the selection.
  public let candidates: [Candidate]

  /// Creates an anchor.
  public init(name: String, candidates: [Candidate]) {
    (self.name, self.candidates) = (name, candidates)
  }

  /// Whether the plan is the selection: its advantage is certain.
  public var isLeft: Bool {
    candidates.contains { $0.name == Self.selectionName && $0.advantage.lowerBound > 0 }
  }

  /// A sentence that says what was chosen, and why.
  public var reason: String {
    isLeft
      ? "the selection was chosen: resampled probes agree that it lowers the loss more for the same "
        + "movement of the outputs than the default of its kind, \(name)"
      : "the default \(name) was chosen: no selection of the same kind is certain to be better"
  }
}

extension Anchor {
  /// The columns of a table of the candidates.
  public static let header = ["set", "parameters", "slope / movement", "vs. the default"]

  /// The candidates as rows of a table, from the best to the worst.
  public var rows: [[String]] {
    candidates.sorted { $0.efficiency > $1.efficiency }.map { candidate in
      [
        candidate.name, ReportText.grouped(candidate.parameters),
        String(format: "%.3f", candidate.efficiency),
        candidate.name == name
          ? "the default"
          : String(
            format: "%+.3f to %+.3f", candidate.advantage.lowerBound,
            candidate.advantage.upperBound),
      ]
    }
  }
}

extension Anchor {
  /// The anchor as a member of `plan.json`.
  var json: JSONValue {
    .object([
      "name": .string(name),
      "candidates": .array(
        candidates.map { candidate in
          .object([
            "name": .string(candidate.name), "parameters": .integer(candidate.parameters),
            "efficiency": .number(candidate.efficiency),
            "advantageLow": .number(candidate.advantage.lowerBound),
            "advantageHigh": .number(candidate.advantage.upperBound),
          ])
        }),
    ])
  }

  /// Reads the anchor of the plan at `path`.
  ///
  /// Throws `malformed` for anything that `json` could not have written.
  package init(_ document: JSONValue, path: String) throws(FileError) {
    func wrong(_ place: String) -> FileError {
      FileError(
        .malformed, path: path, place: place, reason: "it is not understood",
        remedy: "select again")
    }
    guard let name = document["name"]?.string else { throw wrong("anchor.name") }
    var candidates: [Candidate] = []
    for (index, item) in (document["candidates"]?.array ?? []).enumerated() {
      let place = "anchor.candidates[\(index)]"
      let numbers = CheckedNumbers(item, path: path, place: place, remedy: "select again")
      let low = try numbers.number("advantageLow")
      let high = try numbers.number("advantageHigh")
      guard let name = item["name"]?.string, low <= high else { throw wrong(place) }
      candidates.append(
        Candidate(
          name: name, parameters: try numbers.count("parameters"),
          efficiency: try numbers.number("efficiency"), advantage: low...high))
    }
    guard candidates.contains(where: { $0.name == name }) else { throw wrong("anchor.name") }
    self.init(name: name, candidates: candidates)
  }
}
