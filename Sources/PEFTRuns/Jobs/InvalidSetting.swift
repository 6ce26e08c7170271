/// A setting that does not fit the model or the data. The message names the option.
public struct InvalidSetting: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong and what would be right.
  public let description: String

  /// An error with this message.
  public init(_ description: String) { self.description = description }
}
