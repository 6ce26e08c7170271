import PEFTNetwork

/// Transfers influence from a small model to a larger one of the same family.
///
/// It transfers the value of a group, not its density; the target's own knapsack divides by the
/// size of the target's group. Groups match by name, and layers by relative depth: layer l of L
/// corresponds to depth l / (L − 1). A target layer takes the value interpolated linearly between
/// the two source layers around its depth.
public enum InfluenceTransfer {
  /// The values of `target`'s groups.
  ///
  /// Throws if a target group has no counterpart, and for groups of rows, because rows of matrices
  /// of another width are different neurons.
  public static func values(
    of target: [ParameterGroup], layerCount targetLayers: Int, from source: [ParameterGroup],
    values: [Double], layerCount sourceLayers: Int
  ) throws(SelectionError) -> [Double] {
    let positions = Dictionary(
      uniqueKeysWithValues: source.enumerated().map { ($1.name, $0) })
    var result: [Double] = []
    result.reserveCapacity(target.count)
    for group in target {
      if case .row = group.members[0] {
        throw SelectionError(
          description: "rows cannot be carried to another model: \(group.name) is another neuron "
            + "there; group by tensor, kind-layer or kind")
      }
      func value(layer: Int?) throws(SelectionError) -> Double {
        let name = layer.map { Self.name(group.name, layer: $0) } ?? group.name
        guard let position = positions[name] else {
          throw SelectionError(
            description: "the probed model has no group \(name) for \(group.name) of this model; "
              + "models of one family are needed")
        }
        return values[position]
      }
      guard let layer = group.layer, targetLayers > 1 else {
        result.append(try value(layer: group.layer.map { _ in 0 }))
        continue
      }
      let depth = Double(layer) * Double(sourceLayers - 1) / Double(targetLayers - 1)
      let lower = Int(depth)
      let part = depth - Double(lower)
      let below = try value(layer: lower)
      result.append(
        part == 0 ? below : (1 - part) * below + part * (try value(layer: lower + 1)))
    }
    return result
  }

  /// A group's name with another layer number. That follows the first `layer.`, or in the names of
  /// tensors of Llama's kin and of ModernBERT the first `layers.`, and in GPT-2's the first `.h.`.
  private static func name(_ name: String, layer: Int) -> String {
    let starts = ["layer.", "layers.", ".h."].lazy.compactMap {
      name.firstRange(of: $0)?.upperBound
    }
    guard let start = starts.first else { return name }
    let digits = name[start...].prefix { $0.isNumber }
    return name[..<start] + "\(layer)" + name[digits.endIndex...]
  }
}
