import PEFTModels
import PEFTRuns

extension Study.Method {
  /// A method by name, in the largest size that the budget allows or else in its smallest; nil for
  /// an unknown name.
  ///
  /// - Parameters:
  ///   - budget: the limit on trainable parameters; nil leaves the method's size as it is.
  ///   - targets: the layers to adapt, for methods that have targets; empty for the usual ones.
  public init?(named name: String, budget: Int?, targets: [String], for model: TransformerModel) {
    guard var method = MethodCatalogue.standard.method(named: name) else { return nil }
    if !targets.isEmpty, method.settings["targets"] != nil {
      try? method.set("targets", .array(targets.map { .string($0) }))
    }
    if let budget { method = method.sized(within: budget, for: model) }
    self.init(name: method.label, kind: .fixed(method))
  }

  /// The selection of a plan, as a method.
  ///
  /// - Parameters:
  ///   - name: the method's name.
  ///   - seconds: the time of probing and selecting, charged to the method.
  public init(_ plan: Plan, named name: String = Comparison.selectionLabel, seconds: Double) {
    self.init(name: name, kind: .plan(plan, seconds: seconds))
  }
}

extension PreparedJob {
  /// The requested methods, or else the usual methods that train anything in this model.
  ///
  /// Throws for a requested method that would train nothing.
  public func methodNames(_ asked: [String]?, usual: [String]) throws(InvalidSetting) -> [String] {
    func trains(_ name: String) -> Bool {
      switch name {
      case HeadTuning.name: model.parameters.contains { $0.kind == .head }
      case BiasTuning.name:
        model.parameters.contains { $0.kind == .head || $0.parameter.name.hasSuffix(".bias") }
      default: true
      }
    }
    guard let asked else { return usual.filter(trains) }
    if let idle = asked.first(where: { !trains($0) }) {
      throw InvalidSetting("\(idle): the model has nothing that it would train; leave it out")
    }
    return asked
  }
}
