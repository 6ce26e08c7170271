/// One turn of a conversation.
public struct ChatMessage: Hashable, Sendable {
  /// Whose turn it is.
  public enum Role: String, CaseIterable, Hashable, Sendable {
    /// Instructions for the whole conversation.
    case system
    /// What is asked.
    case user
    /// What the model is to answer.
    case assistant
  }

  /// Whose turn it is.
  public let role: Role
  /// The text.
  public let content: String

  /// A turn.
  public init(role: Role, content: String) {
    self.role = role
    self.content = content
  }
}
