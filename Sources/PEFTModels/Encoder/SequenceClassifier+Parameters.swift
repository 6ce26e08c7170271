import PEFTSelect
import PEFTTensor

extension SequenceClassifier {
  /// Every parameter once, in the order of computation, with what it does and where.
  public var parameters: [ModelParameter] {
    let family = configuration.architecture.rawValue
    var embeddings = Section(place: "embeddings", prefix: "\(family).embeddings.", stage: 0)
    embeddings.add(encoder.embeddings, .embedding)
    embeddings.add(encoder.embeddingNorm.parameters, .norm)
    var all = embeddings.entries
    for (number, layer) in encoder.layers.enumerated() {
      var section = Section(
        place: "layer.\(number)", prefix: "\(family).encoder.layer.\(number).",
        stage: number + 1, layer: number)
      for linear in layer.linearLayers {
        let isAttention = linear !== layer.intermediate && linear !== layer.output
        section.add(linear, isAttention ? .attention : .feedForward)
        if linear === layer.attentionOutput { section.add(layer.attentionNorm.parameters, .norm) }
      }
      section.add(layer.outputNorm.parameters, .norm)
      all += section.entries
    }
    let last = stageCount - 1
    if let pooler = head.pooler {
      var section = Section(place: "pooler", prefix: "\(family).pooler.", stage: last)
      section.add(pooler, .feedForward)
      all += section.entries
    }
    var task = Section(place: "head", prefix: "", stage: last)
    task.add(head.taskLayers.flatMap(\.parameters), .head)
    return all + task.entries
  }

  /// The parameters that train now, in order.
  public var trainableParameters: [Parameter] {
    parameters.map(\.parameter).filter(\.isTrainable)
  }

  /// The number of elements that train now; of a parameter with `trainableRows`, those of the rows.
  public var trainableCount: Int { parameters.reduce(0) { $0 + $1.parameter.trainableCount } }
}

/// The parameters of one part of the network.
private struct Section {
  let place: String
  let prefix: String
  let stage: Int
  var layer: Int?
  var entries: [ModelParameter] = []

  init(place: String, prefix: String, stage: Int, layer: Int? = nil) {
    self.place = place
    self.prefix = prefix
    self.stage = stage
    self.layer = layer
  }

  mutating func add(
    _ parameters: [Parameter], _ kind: ParameterKind, adapter: AdapterFactor? = nil
  ) {
    entries += parameters.map { parameter in
      let name = parameter.name
      let role = name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
      return ModelParameter(
        parameter, kind: kind, place: place, layer: layer, role: role, stage: stage,
        adapter: adapter)
    }
  }

  /// Weight, bias, and the addition that is attached to the weight.
  mutating func add(_ linear: LinearLayer, _ weightKind: ParameterKind) {
    add([linear.weight], weightKind)
    add([linear.bias], .bias)
    guard let lowRank = linear.lowRank else { return }
    let weight = linear.weight.name
    add([lowRank.down], .adapter, adapter: AdapterFactor(weight: weight, factor: .down))
    add([lowRank.up], .adapter, adapter: AdapterFactor(weight: weight, factor: .up))
  }
}
