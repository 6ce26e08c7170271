import PEFTTensor

/// The scores of an answer that reads no text. A model that scores no better has learned nothing
/// that its scores show.
public struct Baseline: Sendable {
  /// Where the answer comes from.
  public enum Source: String, Hashable, Sendable {
    /// The data that the model was trained on.
    case training
    /// The evaluated data themselves, because the training data are not known. The answer is then
    /// the best that is possible without reading a text.
    case evaluated
  }

  /// What it does, as a clause: `always answering "doc", the most frequent training label`.
  public let description: String
  /// What it always answers: a label, a number as text, or nil if it predicts tokens.
  public let answer: String?
  /// Where the answer comes from.
  public let source: Source
  /// The number of evaluated rows.
  public let rowCount: Int
  /// Its finite metrics by name.
  public let metrics: [(name: String, value: Double)]

  /// A baseline with these scores; metrics that are not finite are left out.
  public init(
    description: String, answer: String?, source: Source, rowCount: Int,
    metrics: [(name: String, value: Double)]
  ) {
    self.description = description
    self.answer = answer
    self.source = source
    self.rowCount = rowCount
    self.metrics = metrics.filter(\.value.isFinite)
  }

  /// The metric called `name`.
  public subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }

  /// A warning if `metrics` of a model on the same rows are not above this baseline; otherwise nil.
  ///
  /// - Parameter split: the evaluated data, for the message.
  public func warning(
    about metrics: [(name: String, value: Double)], by primary: PrimaryMetric, on split: String
  ) -> String? {
    guard let value = metrics.first(where: { $0.name == primary.name })?.value,
      let chance = self[primary.name],
      !primary.isAbove(value, baseline: chance, rowCount: rowCount)
    else { return nil }
    let error = primary.standardError(of: value, rowCount: rowCount).map {
      ", standard error " + Self.shown($0)
    }
    return "\(split): \(primary.name) \(Self.shown(value)) is not distinguishably better than "
      + "\(description) (\(Self.shown(chance))\(error ?? ""))"
  }

  private static func shown(_ value: Double) -> String {
    let rounded = (value * 1e4).rounded() / 1e4
    return "\(rounded)"
  }
}

extension Baseline {
  /// The baseline as a JSON object.
  public var json: JSONValue {
    var metrics = JSONObject()
    for (name, value) in self.metrics { metrics[name] = .number(value) }
    return .object([
      "description": .string(description), "answer": answer.map { .string($0) } ?? .null,
      "source": .string(source.rawValue), "rows": .integer(rowCount), "metrics": .object(metrics),
    ])
  }

  /// The baseline that `json` describes; nil for anything that `json` could not have written.
  public init?(json: JSONValue) {
    guard let description = json["description"]?.string,
      let source = json["source"]?.string.flatMap(Source.init(rawValue:)),
      let rowCount = json["rows"]?.integer, rowCount >= 0,
      let metrics = json["metrics"]?.object
    else { return nil }
    self.init(
      description: description, answer: json["answer"]?.string, source: source,
      rowCount: rowCount, metrics: metrics.members.map { ($0.key, $0.value.double ?? .nan) })
  }
}
