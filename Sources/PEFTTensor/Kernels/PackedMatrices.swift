/// Weights packed for products in fp32, kept while the pieces of a batch go through a layer one after the other.
final class PackedMatrices {
  private var factors: [Parameter: PackedFactor] = [:]

  /// The weight as a factor of y = x Wᵀ, packed when it is first asked for; its value must stay as it is.
  func factor(of weight: Parameter) -> PackedFactor {
    if let factor = factors[weight] { return factor }
    let factor = weight.pack(.forOutputs, precision: .fp32)
    factors[weight] = factor
    return factor
  }
}
