/// The format in which a product takes its factors; sums are in float32 in either.
public enum Precision: String, CaseIterable, Hashable, Sendable {
  /// float32, 24 bits of fraction.
  case fp32
  /// bfloat16, 8 bits of fraction and float32's range; factors are rounded to the nearest.
  case bf16

  /// The faster one here: bf16 where the active kernels have instructions for it.
  public static var fastest: Precision {
    VectorKernels.active.multipliesBFloatFast ? .bf16 : .fp32
  }
}
