import PEFTNetwork
import PEFTTensor

/// PEFT's C3A files: `c3a_kernel` [out / b, in / b, b].
struct CirculantFormat: AdapterFormat {
  let suffixes = [CirculantAdapter.suffix]
  let usualMethod: any AdaptationMethod = CirculantAdaptation()

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    let shape = layer.weight.shape
    guard let kernels = tensors[CirculantAdapter.suffix], kernels.shape.rank == 3,
      kernels.shape.count > 0,
      kernels.shape[0] * kernels.shape[2] == shape.rows,
      kernels.shape[1] * kernels.shape[2] == shape.columns
    else {
      throw AdapterMismatch(
        "\(tensors[CirculantAdapter.suffix]?.shape ?? [0]) does not fit \(shape)")
    }
    return CirculantAdapter(for: layer, kernels: kernels)
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    let blocks = Set(adapted.compactMap { ($0.adapter as? CirculantAdapter)?.block })
    guard let block = blocks.first, blocks.count == 1 else { return nil }
    return CirculantAdaptation(block: block, targets: adapted.map(\.layer.name))
  }
}
