import PEFTNetwork
import PEFTTensor

extension TransformerModel {
  /// All parameters, each once, in the order of computation, with their function and place. A table
  /// that is also the output layer is listed where it is first used.
  public var parameters: [ModelParameter] {
    (backbone.sections + head.sections(stage: stageCount - 1)).flatMap(\.entries)
  }

  /// The names under which files may hold a parameter a second time because it is used twice. The
  /// output layer of most language models is their word table.
  public var tiedNames: [String: Parameter] {
    guard let vocabulary else { return [:] }
    let layer = configuration.naming.outputLayer
    let twice = [(layer + ".weight", vocabulary.table), (layer + ".bias", vocabulary.bias)]
    return twice.reduce(into: [:]) { tied, entry in
      if let parameter = entry.1, parameter.name != entry.0 { tied[entry.0] = parameter }
    }
  }

  /// The word table [V, h].
  package var wordTable: Parameter { backbone.wordTable }

  /// The parameters of the task head.
  public var taskParameters: [Parameter] {
    parameters.filter { $0.kind == .head }.map(\.parameter)
  }

  /// The parameters that are trainable now, in order.
  public var trainableParameters: [Parameter] {
    parameters.map(\.parameter).filter(\.isTrainable)
  }

  /// Runs `body` with all parameters frozen and no gradient wanted, and restores them afterwards.
  public func frozen<Result, Failure: Error>(
    while body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try parameters.map(\.parameter).filter(\.wantsGradient).frozen(while: body)
  }

  /// The number of elements that are trainable now, or were earlier in a run.
  package var recordedCount: Int { parameters.reduce(0) { $0 + $1.parameter.recordedCount } }

  /// The number of elements that are trainable now.
  public var trainableCount: Int { parameters.reduce(0) { $0 + $1.parameter.trainableCount } }
}
