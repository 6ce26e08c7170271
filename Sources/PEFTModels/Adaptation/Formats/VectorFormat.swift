import PEFTNetwork
import PEFTTensor

/// PEFT's (IA)³ files: `ia3_l`, whose shape determines which side it scales.
struct VectorFormat: AdapterFormat {
  let suffixes = [VectorAdapter.suffix]
  let usualMethod: any AdaptationMethod = VectorScaling()

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    let sides: [VectorAdapter.Side] = [.output, .input]
    guard let vector = tensors[VectorAdapter.suffix],
      let side = sides.first(where: { VectorAdapter.shape(of: layer, $0) == vector.shape })
    else {
      throw AdapterMismatch(
        "\(tensors[VectorAdapter.suffix]?.shape ?? [0]) does not fit \(layer.weight.shape)")
    }
    return VectorAdapter(layer.name, side: side, vector: vector)
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    VectorScaling(
      targets: adapted.map(\.layer.name),
      feedForward: adapted.filter { ($0.adapter as? VectorAdapter)?.side == .input }
        .map(\.layer.name))
  }
}
