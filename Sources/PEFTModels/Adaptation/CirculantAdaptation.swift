import PEFTNetwork
import PEFTTensor

/// C3A (Chen et al. 2024, arXiv 2407.19342): adds a delta of circulant blocks to every target, each
/// of which has one kernel of b numbers in place of b² numbers. The delta may have full rank.
///
/// The kernels start at zero, so training starts at the base model.
public struct CirculantAdaptation: AdaptationMethod {
  /// `c3a`.
  public static let name = "c3a"

  /// What is trained.
  public static let summary = "deltas of circulant blocks at some weights"

  /// b, which divides the sizes of every target; if nil, their greatest common divisor.
  public var block: Int?
  /// The last components of the paths of the linear layers to adapt, such as `query`; LoRA's usual
  /// layers if empty.
  public var targets: [String] = []

  /// Block size and targets.
  public static let fields: [MethodField<CirculantAdaptation>] = [
    MethodField(
      name: "block",
      help:
        "the size of the blocks, a divisor of all sizes of the layers; the largest unless given",
      json: { $0.block.map { .integer($0) } ?? .null },
      set: { method, value in
        if value == .null {
          method.block = nil
          return true
        }
        guard let block = value.integer, block > 0 else { return false }
        method.block = block
        return true
      }, parse: { Int($0).map { .integer($0) } }),
    .names("targets", \.targets, help: "linear layers to adapt, such as query,value"),
  ]

  /// Creates the method with the largest blocks on LoRA's usual layers.
  public init() {}

  /// Creates the method with blocks of size `block` on these layers.
  public init(block: Int?, targets: [String] = []) {
    precondition(block.map { $0 > 0 } ?? true, "CirculantAdaptation: blocks of \(block ?? 0)")
    (self.block, self.targets) = (block, targets)
  }

  /// The layers that the method adapts.
  public func layers(of model: TransformerModel) -> [LinearLayer] {
    model.linearLayers(matchingAnyOf: targets.isEmpty ? model.configuration.usualTargets : targets)
  }

  /// The largest size of blocks.
  private func largestBlock(in model: TransformerModel) -> Int {
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    return max(
      1, layers(of: model).flatMap(\.weight.shape.extents).reduce(0) { divisor($0, $1) })
  }

  /// The first target that does not name a linear layer of `model`, or a size of blocks that does
  /// not divide those of the layers.
  public func misfit(in model: TransformerModel) -> MethodMisfit? {
    if let misfit = model.misfit(targets: targets) { return misfit }
    let largest = largestBlock(in: model)
    guard let block, !largest.isMultiple(of: block) else { return nil }
    return MethodMisfit(
      setting: "block",
      "\(block) does not divide the sizes of all layers; a divisor of \(largest) does")
  }

  /// Freezes the backbone and adds kernels of zeros to every target.
  public func attach(to model: TransformerModel, using generator: SeededGenerator) {
    let block = block ?? largestBlock(in: model)
    for layer in layers(of: model) { layer.adapter = CirculantAdapter(for: layer, block: block) }
    let added = model.adapterParameters
    model.train { added.contains($0) }
  }

  /// PEFT's C3A format.
  public static func adapterFormat(
    _ configuration: AdapterConfiguration
  ) throws(FileError) -> (any AdapterFormat)? {
    configuration.type == "C3A" ? CirculantFormat() : nil
  }
}
