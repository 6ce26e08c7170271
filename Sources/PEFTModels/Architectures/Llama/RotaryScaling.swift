import Foundation
import PEFTTensor

/// The scaling of rotary frequencies by which Llama 3.1 handles texts longer than those of its
/// first training.
///
/// With f a frequency, P the number of positions in the first training and n = f P / 2π the
/// rotations over P positions: a frequency with n above `highFactor` is unchanged, one with n below
/// `lowFactor` becomes f / `factor`, and in between the result is a mean of both, linear in n.
public struct RotaryScaling: Hashable, Sendable {
  /// The divisor of low frequencies.
  public var factor: Double
  /// The number of rotations below which a frequency is divided.
  public var lowFactor: Double
  /// The number of rotations above which a frequency is unchanged; greater than `lowFactor`.
  public var highFactor: Double
  /// P, the number of positions in the first training.
  public var firstPositions: Int

  /// Creates a scaling with these constants.
  public init(factor: Double, lowFactor: Double, highFactor: Double, firstPositions: Int) {
    self.factor = factor
    self.lowFactor = lowFactor
    self.highFactor = highFactor
    self.firstPositions = firstPositions
  }

  /// Reads `rope_scaling` or `rope_parameters`; nil if there is no scaling.
  ///
  /// Errors: `unsupported` for another rule, naming it; `malformed`.
  init?(_ file: ConfigurationReader) throws(FileError) {
    guard try file.positive("partial_rotary_factor", default: 1) == 1 else {
      throw FileError(
        .unsupported, path: file.path, place: "partial_rotary_factor",
        reason: "positions that turn a part of each head are not supported",
        remedy: "use a model without this feature")
    }
    let type = try file.string("rope_type", default: try file.string("type", default: "default"))
    if type == "default" { return nil }
    guard type == "llama3" else {
      throw FileError(
        .unsupported, path: file.path, place: "rope_type",
        reason: "the scaling \"\(type)\" of rotary positions is not supported",
        remedy: "use a model with none, or with llama3")
    }
    factor = try file.positive("factor")
    lowFactor = try file.positive("low_freq_factor")
    highFactor = try file.positive("high_freq_factor")
    firstPositions = try file.count("original_max_position_embeddings")
    guard lowFactor < highFactor else {
      throw FileError(
        .malformed, path: file.path, place: "low_freq_factor",
        reason: "\(lowFactor) is not below high_freq_factor, \(highFactor)")
    }
  }

  /// The contents of `rope_scaling`.
  var json: JSONValue {
    .object([
      "rope_type": .string("llama3"), "factor": .number(factor),
      "low_freq_factor": .number(lowFactor), "high_freq_factor": .number(highFactor),
      "original_max_position_embeddings": .integer(firstPositions),
    ])
  }

  /// The scaled value of `frequency`.
  func scaled(_ frequency: Float) -> Float {
    let plain = Double(frequency)
    let turns = plain * Double(firstPositions) / (2 * Double.pi)
    let share = min(1, max(0, (turns - lowFactor) / (highFactor - lowFactor)))
    return Float(share * plain + (1 - share) * plain / factor)
  }
}
