/// A setting that does not fit the model or the data.
///
/// The message names settings in backticks, as in "lower `learning-rate`".
public struct InvalidSetting: Error, Hashable, Sendable, CustomStringConvertible {
  /// The setting's name; nil where the message is of several, or of none.
  public let setting: String?
  /// What is wrong and what would be right.
  public let description: String

  /// An error with this message.
  public init(_ description: String) {
    setting = nil
    self.description = description
  }

  /// An error of one setting, and of the value that it has, where that is worth telling.
  public init(
    setting: String, value: (any CustomStringConvertible)? = nil, _ reason: String
  ) {
    self.setting = setting
    description = "`\(setting)`\(value.map { " \($0)" } ?? ""): \(reason)"
  }
}
