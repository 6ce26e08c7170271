import Foundation
import PEFTTensor

/// How Llama 3.1 scales rotary frequencies for texts longer than those it was first trained on.
///
/// With f a frequency and n = f P / 2π its turns over P, the positions of the first training:
/// frequencies with n above `highFactor` stay, those with n below `lowFactor` become f / `factor`,
/// and between the two it is a mean of both, linear in n.
public struct RotaryScaling: Hashable, Sendable {
  /// What low frequencies are divided by.
  public var factor: Double
  /// The turns below which a frequency is divided.
  public var lowFactor: Double
  /// The turns above which a frequency stays, more than `lowFactor`.
  public var highFactor: Double
  /// P.
  public var firstPositions: Int

  /// A scaling with these constants.
  public init(factor: Double, lowFactor: Double, highFactor: Double, firstPositions: Int) {
    self.factor = factor
    self.lowFactor = lowFactor
    self.highFactor = highFactor
    self.firstPositions = firstPositions
  }

  /// Reads `rope_scaling` or `rope_parameters`; nil where nothing is scaled.
  ///
  /// Errors: `unsupported` for another rule, by its name; `malformed`.
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

  /// The frequency that takes the place of `frequency`.
  func scaled(_ frequency: Float) -> Float {
    let plain = Double(frequency)
    let turns = plain * Double(firstPositions) / (2 * Double.pi)
    let share = min(1, max(0, (turns - lowFactor) / (highFactor - lowFactor)))
    return Float(share * plain + (1 - share) * plain / factor)
  }
}
