import PEFTNetwork
import PEFTTensor

/// PEFT's RandLoRA files: `randlora_lambda` [r, n] and `randlora_gamma` [n, d] of every layer, and
/// `randlora_A` and `randlora_B`, which all layers share and of which PEFT stores a copy for each.
struct RandomBasesFormat: AdapterFormat {
  let suffixes = RandomBasesAdapter.suffixes
  let copySuffixes = RandomBasesAdapter.copySuffixes
  let sharedNames = SharedBases.names
  /// α.
  private let alpha: Double
  var usualMethod: any AdaptationMethod { RandomBasesAdaptation() }

  /// Errors: `unsupported` for files that hold only the seed of their bases, `malformed` for an α
  /// that is not a positive number.
  init(_ configuration: AdapterConfiguration) throws(FileError) {
    try configuration.refuse("save_projection", where: { $0.bool == false })
    guard let alpha = configuration["randlora_alpha"]?.double, alpha.isFinite, alpha > 0 else {
      throw FileError(
        .malformed, path: configuration.path, place: "randlora_alpha",
        reason: "not a positive number", remedy: "use the file as PEFT wrote it")
    }
    self.alpha = alpha
  }

  func adapters(
    of layers: [StoredAdapter], sharing shared: [String: Tensor]
  ) throws(AdapterMismatch) -> [any LinearAdapter] {
    guard let down = shared[sharedNames[0]], let up = shared[sharedNames[1]],
      SharedBases.areBases(down.shape, up.shape)
    else {
      throw AdapterMismatch(
        "one of the bases is missing, or their shapes do not fit", place: sharedNames[0])
    }
    let bases = SharedBases(down: down, up: up)
    var adapters: [any LinearAdapter] = []
    for stored in layers {
      let (shape, side) = (stored.layer.weight.shape, stored.layer.largestRank)
      let count = RandomBases.count(rank: bases.rank, side: side)
      guard let weights = stored.tensors[suffixes[0]], let scales = stored.tensors[suffixes[1]],
        weights.shape == [bases.rank, count], scales.shape == [count, side],
        bases.suffices(for: shape)
      else {
        throw AdapterMismatch(
          "a factor is missing, or factors or bases do not fit \(shape)",
          place: stored.layer.name)
      }
      adapters.append(
        RandomBasesAdapter(
          stored.layer.name, bases: bases, scale: alpha / Double(bases.rank), weights: weights,
          scales: scales))
    }
    return adapters
  }

  func adapter(
    of layer: LinearLayer, called name: String, _ tensors: [String: Tensor]
  ) throws(AdapterMismatch) -> any LinearAdapter {
    throw AdapterMismatch("the adapters of all layers share their bases")
  }

  func method(
    of adapted: [(layer: LinearLayer, adapter: any LinearAdapter)]
  ) -> (any AdaptationMethod)? {
    guard let bases = (adapted.first?.adapter as? RandomBasesAdapter)?.bases else { return nil }
    let (small, large) = SharedBases.sides(of: adapted.map(\.layer))
    // New bases are as large as the largest layer needs them.
    guard bases.down.shape[2] == small, bases.rank <= AdapterCandidates.rankLimit,
      bases.up.shape == [large, RandomBases.count(rank: bases.rank, side: small), bases.rank]
    else { return nil }
    return RandomBasesAdaptation(
      rank: bases.rank, alpha: alpha, targets: adapted.map(\.layer.name))
  }
}
