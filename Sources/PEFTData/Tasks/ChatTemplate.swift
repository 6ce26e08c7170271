import Foundation
import PEFTTensor
import PEFTText

/// How a model sees conversations: each turn between special tokens that say whose it is.
///
///     chatml, qwen:  <|im_start|>ROLE\nCONTENT<|im_end|>\n
///     llama3:        <|start_header_id|>ROLE<|end_header_id|>\n\nCONTENT<|eot_id|>,
///                    after one <|begin_of_text|>
///
/// The model learns the contents of the assistant's turns and the token that ends each of them, and
/// nothing else.
public struct ChatTemplate: Hashable, Sendable {
  /// The forms of turns.
  public enum Name: String, CaseIterable, Hashable, Sendable {
    /// OpenAI's ChatML, as in SmolLM2.
    case chatml
    /// Llama 3's. Contents lose white space around them.
    case llama3
    /// ChatML with the system message of Qwen2 and Qwen2.5 where a conversation has none.
    case qwen
  }

  /// The form of the turns.
  public let name: Name
  /// The system message of conversations that begin without one; nil for none.
  public let defaultSystem: String?

  /// A template with the default system message of its name, or another one.
  public init(_ name: Name, defaultSystem: String? = nil) {
    self.name = name
    self.defaultSystem =
      defaultSystem
      ?? (name == .qwen
        ? "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." : nil)
  }

  /// The template of a model, by its `chat_template`, a Jinja text, or by its vocabulary; nil where
  /// neither is clear.
  ///
  /// Of the Jinja text, only the special tokens and a default system message are read.
  public init?(jinja: String?, vocabulary: Vocabulary) {
    let names = jinja ?? ""
    if names.contains("<|im_start|>")
      || jinja == nil && vocabulary.id(of: "<|im_start|>") != nil
    {
      self.init(.chatml, defaultSystem: Self.defaultSystem(in: names))
    } else if names.contains("<|start_header_id|>")
      || jinja == nil && vocabulary.id(of: "<|start_header_id|>") != nil
    {
      self.init(.llama3)
    } else {
      return nil
    }
  }

  /// The text after the first literal `<|im_start|>system`, up to its end token.
  private static func defaultSystem(in jinja: String) -> String? {
    for part in jinja.components(separatedBy: "<|im_start|>system").dropFirst() {
      let text = part.replacingOccurrences(of: "\\n", with: "\n")
      guard text.hasPrefix("\n"), let end = text.range(of: "<|im_end|>") else { continue }
      let literal = text[..<end.lowerBound].dropFirst()
      if !literal.isEmpty, !literal.contains(where: { "{}'\"".contains($0) }) {
        return String(literal)
      }
    }
    return nil
  }

  /// The special tokens that begin and end turns.
  private var tokens: (before: String, after: String?, end: String) {
    name == .llama3
      ? ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
      : ("<|im_start|>", nil, "<|im_end|>")
  }

  /// A conversation as token ids.
  struct Tokens: Hashable {
    var ids: [Int32] = []
    /// The positions of the tokens that the model learns.
    var learnt: [Int] = []
  }

  /// A conversation as token ids, for a tokenizer that has the template's special tokens.
  func tokens(of messages: [ChatMessage], by tokenizer: Tokenizer) -> Tokens {
    var found = Tokens()
    if name == .llama3, let begin = tokenizer.vocabulary.id(of: "<|begin_of_text|>") {
      found.ids.append(begin)
    }
    for message in withSystem(messages) {
      append(message.role, message.content, to: &found, by: tokenizer)
    }
    return found
  }

  /// The tokens after which the assistant's next turn is to follow.
  func prompt(_ messages: [ChatMessage], by tokenizer: Tokenizer) -> [Int32] {
    var found = tokens(of: messages, by: tokenizer)
    append(.assistant, nil, to: &found, by: tokenizer)
    return found.ids
  }

  /// The token that ends a turn; nil if the vocabulary lacks it.
  func end(in vocabulary: Vocabulary) -> Int32? { vocabulary.id(of: tokens.end) }

  /// The first special token that the tokenizer does not recognise in a text; nil if it has all.
  func missingToken(in tokenizer: Tokenizer) -> String? {
    [tokens.before, tokens.after, tokens.end].compactMap(\.self).first { token in
      guard let id = tokenizer.vocabulary.id(of: token) else { return true }
      return Self.ids(of: [token], by: tokenizer).joined().elementsEqual([id]) == false
    }
  }

  /// The special token of the template that the tokenizer finds in `content`; nil as a rule. It
  /// would end the turn.
  func specialToken(in content: String, by tokenizer: Tokenizer) -> String? {
    let found = Set(Self.ids(of: [content], by: tokenizer).joined())
    return [tokens.before, tokens.after, tokens.end, "<|begin_of_text|>"].compactMap(\.self)
      .first { token in tokenizer.vocabulary.id(of: token).map(found.contains) ?? false }
  }

  private func withSystem(_ messages: [ChatMessage]) -> [ChatMessage] {
    guard let defaultSystem, messages.first?.role != .system else { return messages }
    return [ChatMessage(role: .system, content: defaultSystem)] + messages
  }

  /// Appends a turn, or only its beginning if there is no content.
  private func append(
    _ role: ChatMessage.Role, _ content: String?, to found: inout Tokens, by tokenizer: Tokenizer
  ) {
    let isLlama = name == .llama3
    let content = isLlama ? content?.trimmingCharacters(in: .whitespacesAndNewlines) : content
    // Special tokens divide a text before it is split into words, so the head of ChatML and the
    // content are one text, and what follows Llama 3's `<|end_header_id|>` is one.
    let head = isLlama ? "\n\n" : role.rawValue + "\n"
    let before = isLlama ? [tokens.before, role.rawValue, tokens.after ?? ""] : [tokens.before]
    let pieces = Self.ids(of: before + [head, head + (content ?? "")], by: tokenizer)
    found.ids += pieces[..<before.count].joined()
    let (headIDs, text) = (pieces[before.count], pieces[before.count + 1])
    guard content != nil else {
      found.ids += headIDs
      return
    }
    let start = found.ids.count
    found.ids += text
    let end = Self.ids(of: isLlama ? [tokens.end] : [tokens.end, "\n"], by: tokenizer)
    found.ids += end[0]
    if role == .assistant {
      let first = Self.firstOfContent(in: text, after: headIDs, head: head, by: tokenizer)
      found.learnt += start + first..<found.ids.count
    }
    found.ids += end.dropFirst().joined()
  }

  /// The position of the first token with a character of the content, in the tokens of head and
  /// content together.
  private static func firstOfContent(
    in text: [Int32], after headIDs: [Int32], head: String, by tokenizer: Tokenizer
  ) -> Int {
    if text.starts(with: headIDs) { return headIDs.count }
    // A token has the end of the head and the beginning of the content.
    return text.indices.first {
      tokenizer.decode(Array(text[...$0])).utf8.count > head.utf8.count
    } ?? text.count
  }

  /// The ids of several texts, each by itself, without special tokens around them.
  private static func ids(of texts: [String], by tokenizer: Tokenizer) -> [[Int32]] {
    let encoding = tokenizer.encode(words: texts)
    var found = texts.map { _ in [Int32]() }
    for (id, word) in zip(encoding.ids, encoding.wordIndices) {
      if let word { found[word].append(id) }
    }
    return found
  }
}

extension ChatTemplate {
  /// `{"name":…,"system":…}`.
  var json: JSONValue {
    var object: JSONObject = ["name": .string(name.rawValue)]
    object["system"] = defaultSystem.map { .string($0) }
    return .object(object)
  }

  /// The template that `json` describes; nil for anything else.
  init?(json: JSONValue?) {
    guard let name = json?["name"]?.string.flatMap(Name.init(rawValue:)) else { return nil }
    self.init(name, defaultSystem: json?["system"]?.string)
  }
}
