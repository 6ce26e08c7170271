import PEFTNetwork
import PEFTTensor

extension TransformerModel {
  /// Every parameter once, in the order of computation, with what it does and where. A table that
  /// is also the output layer stands where it is first used.
  public var parameters: [ModelParameter] {
    (backbone.sections + head.sections(stage: stageCount - 1)).flatMap(\.entries)
  }

  /// The names under which files may hold a parameter a second time, because it is used twice: the
  /// output layer of a language model is its word table.
  public var tiedNames: [String: Parameter] {
    guard let vocabulary else { return [:] }
    let names =
      switch configuration {
      case .gpt2: ["lm_head.weight"]
      case .encoder(let encoder):
        encoder.architecture == .bert
          ? ["cls.predictions.decoder.weight"] : ["lm_head.decoder.weight"]
      }
    var tied = Dictionary(uniqueKeysWithValues: names.map { ($0, vocabulary.table) })
    if let bias = vocabulary.bias {
      tied[names[0].replacing(".weight", with: ".bias")] = bias
    }
    return tied
  }

  /// The parameters of the task head.
  public var taskParameters: [Parameter] {
    parameters.filter { $0.kind == .head }.map(\.parameter)
  }

  /// The parameters that train now, in order.
  public var trainableParameters: [Parameter] {
    parameters.map(\.parameter).filter(\.isTrainable)
  }

  /// What `body` returns where nothing trains or wants a gradient meanwhile.
  public func frozen<Result, Failure: Error>(
    while body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try parameters.map(\.parameter).filter(\.wantsGradient).frozen(while: body)
  }

  /// The number of elements that train now.
  public var trainableCount: Int { parameters.reduce(0) { $0 + $1.parameter.trainableCount } }
}
