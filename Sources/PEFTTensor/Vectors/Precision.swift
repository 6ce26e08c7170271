/// The format to which a product rounds its factors. Sums are in float32 with either.
public enum Precision: String, CaseIterable, Hashable, Sendable {
  /// float32, 24 bits of fraction.
  case fp32
  /// bfloat16, 8 bits of fraction and the range of float32; factors are rounded to nearest.
  case bf16

  /// The faster precision on this machine: bf16 if the active kernels have instructions for it.
  public static var fastest: Precision {
    VectorKernels.active.multipliesBFloatFast ? .bf16 : .fp32
  }
}
