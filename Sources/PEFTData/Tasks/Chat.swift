import PEFTTensor
import PEFTText

/// Predicts the assistant's turns of conversations.
public struct Chat: VocabularyTask {
  /// The name in files, and of the task kind.
  public static let name = "chat"

  /// How the model sees a conversation; nil until a reader has chosen it.
  public let template: ChatTemplate?

  /// The task with a template; nil takes the reader's.
  public init(_ template: ChatTemplate? = nil) { self.template = template }

  /// The task. Throws `malformed`, with the line, for a row without turns.
  public init(training rows: TaskReader.Rows, windows: TextWindows) throws(FileError) {
    for example in rows.examples where example.messages.isEmpty {
      throw Self.withoutTurns(example, rows.path)
    }
    self.init()
  }

  /// The task with the `template` in `json`.
  ///
  /// Throws `malformed` without one.
  public init(json: JSONValue, path: String) throws(FileError) {
    guard let template = ChatTemplate(json: json["template"]) else {
      throw FileError(
        .malformed, path: path, place: "template", reason: "it is not a chat template")
    }
    self.init(template)
  }

  /// The template.
  public var settings: JSONObject {
    var settings = JSONObject()
    settings["template"] = template?.json
    return settings
  }

  /// The task with the template that `reader` chooses, if it has none.
  ///
  /// Throws `unsupported` for a model that is not causal or whose template is not known.
  func resolved(by reader: TaskReader, path: String) throws(FileError) -> Chat {
    guard reader.isCausal else {
      throw FileError(
        .unsupported, path: path, reason: "conversations need a causal model",
        remedy: "use a decoder such as SmolLM2, Llama or Qwen")
    }
    if template != nil { return self }
    guard let template = reader.chatTemplate else {
      throw FileError(
        .unsupported, path: path,
        reason:
          "neither the model's chat_template nor its vocabulary shows how it sees conversations",
        remedy: "name one with `chat-template`: "
          + ChatTemplate.Name.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if let token = template.missingToken(in: reader.tokenizer) {
      throw FileError(
        .unsupported, path: path,
        reason: "the model's vocabulary has no token \(token), which the template "
          + "\(template.name.rawValue) needs",
        remedy: "name the model's own template with `chat-template`, or use a chat model")
    }
    return Chat(template)
  }

  /// Conversations as tokens; the assistant's are predicted.
  ///
  /// Throws `malformed`, with the line, for a row without turns, a turn that contains a special
  /// token of the template, and a conversation of which no turn of the assistant fits; and the
  /// errors of a template that is not known.
  public func encode(
    _ rows: TaskReader.Rows, by reader: TaskReader
  ) throws(FileError) -> EncodedDataset {
    let task = try resolved(by: reader, path: rows.path)
    guard let template = task.template else { preconditionFailure("Chat: no template") }
    var (sequences, learnt): ([[Int32]], [[Int]]) = ([], [])
    var (truncatedCount, longest) = (0, 0)
    for example in rows.examples {
      guard !example.messages.isEmpty else { throw Self.withoutTurns(example, rows.path) }
      guard example.messages.contains(where: { $0.role == .assistant }) else {
        throw FileError(
          .malformed, path: rows.path, place: "line \(example.line)",
          reason: "a conversation without a turn of the assistant",
          remedy: "add what the model is to answer, or take the row out")
      }
      func malformed(_ reason: String, _ remedy: String) -> FileError {
        FileError(
          .malformed, path: rows.path, place: "line \(example.line)", reason: reason, remedy: remedy
        )
      }
      for message in example.messages {
        guard let token = template.specialToken(in: message.content, by: reader.tokenizer)
        else { continue }
        throw malformed(
          "a turn contains \(token), which would end it", "remove it from the text")
      }
      let found = template.tokens(of: example.messages, by: reader.tokenizer)
      // Nothing after the last predicted token is read.
      let whole = Array(found.ids.prefix((found.learnt.last ?? 0) + 1))
      let kept = found.learnt.filter { $0 < reader.maximumLength }
      guard !kept.isEmpty else {
        throw malformed(
          "the first \(reader.maximumLength) tokens contain no turn of the assistant",
          "shorten the turns before it, or raise `max-length` as far as the model allows")
      }
      if whole.count > reader.maximumLength { truncatedCount += 1 }
      longest = max(longest, whole.count)
      sequences.append(Array(whole.prefix(reader.maximumLength)))
      learnt.append(kept)
    }
    return EncodedDataset(
      sequences: sequences, predicted: learnt, truncatedCount: truncatedCount, longest: longest)
  }

  /// The tokens after which the assistant is to answer: the turns of `example` up to its last
  /// answer, which is left out if nothing follows it, or its text as a turn of the user.
  ///
  /// Throws `malformed`, with the place, if a turn contains a special token of the template.
  package func prompt(
    _ example: TextExample, by tokenizer: Tokenizer, path: String, place: String
  ) throws(FileError) -> [Int32] {
    guard let template else { return [] }
    var messages = example.messages
    if messages.last?.role == .assistant { messages.removeLast() }
    if messages.isEmpty { messages = [ChatMessage(role: .user, content: example.text)] }
    for message in messages {
      guard let token = template.specialToken(in: message.content, by: tokenizer) else { continue }
      throw FileError(
        .malformed, path: path, place: place,
        reason: "a turn contains \(token), which would end it", remedy: "remove it from the text")
    }
    return template.prompt(messages, by: tokenizer)
  }

  /// The token that ends the assistant's turn.
  package func end(in vocabulary: Vocabulary) -> Int32? { template?.end(in: vocabulary) }

  private static func withoutTurns(_ example: TextExample, _ path: String) -> FileError {
    FileError(
      .malformed, path: path, place: "line \(example.line)", reason: "the row has no turns",
      remedy: "write JSON lines such as {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}, "
        + "{\"role\": \"assistant\", \"content\": \"…\"}]}")
  }
}

extension TaskKind {
  /// Conversations: the assistant's turns are predicted.
  public static let chat = TaskKind(Chat.self)
}
