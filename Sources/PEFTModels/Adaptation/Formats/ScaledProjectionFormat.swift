import PEFTNetwork
import PEFTTensor

/// PEFT's VeRA files: `vera_lambda_d` [R] and `vera_lambda_b` [out] of every layer, and `vera_A`
/// and `vera_B`, which all layers share.
struct ScaledProjectionFormat: AdapterFormat {
  let suffixes = ScaledProjectionAdapter.suffixes
  let sharedNames = SharedProjections.names
  var usualMethod: any AdaptationMethod { VectorProjection() }

  /// Errors: `unsupported` for files that hold only the seed of their projections.
  init(_ configuration: AdapterConfiguration) throws(FileError) {
    try configuration.refuse("save_projection", where: { $0.bool == false })
  }

  func adapters(
    of layers: [StoredAdapter], sharing shared: [String: Tensor]
  ) throws(AdapterMismatch) -> [any LinearAdapter] {
    guard let down = shared[sharedNames[0]], let up = shared[sharedNames[1]],
      down.shape.rank == 2, up.shape.rank == 2, down.shape.rows == up.shape.columns,
      down.shape.rows > 0
    else {
      throw AdapterMismatch(
        "one of the projections is missing, or their shapes do not fit", place: sharedNames[0])
    }
    let projections = SharedProjections(down: down, up: up)
    var adapters: [any LinearAdapter] = []
    for stored in layers {
      let (name, shape) = (stored.layer.name, stored.layer.weight.shape)
      guard let inner = stored.tensors[suffixes[0]], let outer = stored.tensors[suffixes[1]],
        inner.shape.extents == [projections.rank], outer.shape.extents == [shape.rows],
        down.shape.columns >= shape.columns, up.shape.rows >= shape.rows
      else {
        throw AdapterMismatch(
          "a vector is missing, or vectors or projections do not fit \(shape)", place: name)
      }
      adapters.append(
        ScaledProjectionAdapter(
          name, projections: projections, innerScale: inner, outerScale: outer))
    }
    return adapters
  }

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    throw AdapterMismatch("the adapters of all layers share their projections")
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    guard let first = adapted.first?.adapter as? ScaledProjectionAdapter else { return nil }
    let shapes = adapted.map(\.layer.weight.shape)
    // New projections are as large as the largest layer needs them.
    guard first.projections.down.shape.columns == shapes.map(\.columns).max(),
      first.projections.up.shape.rows == shapes.map(\.rows).max(),
      first.projections.rank <= AdapterCandidates.rankLimit
    else { return nil }
    return VectorProjection(rank: first.projections.rank, targets: adapted.map(\.layer.name))
  }
}
