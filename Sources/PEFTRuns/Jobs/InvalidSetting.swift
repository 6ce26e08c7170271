/// A setting that does not fit the model or the data.
///
/// The message names settings in backticks, as in "lower `learning-rate`".
public struct InvalidSetting: Error, Hashable, Sendable, CustomStringConvertible {
  /// The setting's name; nil if the message concerns several settings or none.
  public let setting: String?
  /// What is wrong and how to correct it.
  public let description: String

  /// An error with this message.
  public init(_ description: String) {
    setting = nil
    self.description = description
  }

  /// An error about one setting, with its value if the value helps.
  public init(
    setting: String, value: (any CustomStringConvertible)? = nil, _ reason: String
  ) {
    self.setting = setting
    description = "`\(setting)`\(value.map { " \($0)" } ?? ""): \(reason)"
  }
}
