import PEFTTensor

/// How a long text is cut for a language model: windows of at most `context` tokens, one every
/// `stride` tokens. Every token but the first of the text is predicted exactly once, by the
/// first window that has it, so that each sees at least context − stride tokens before it
/// where there are as many.
public struct TextWindows: Hashable, Sendable {
  /// The most tokens a window shows.
  public let context: Int
  /// Tokens from the beginning of one window to that of the next.
  public let stride: Int

  /// Windows; 0 < stride ≤ context.
  public init(context: Int, stride: Int? = nil) {
    precondition(
      context > 0 && (1...context).contains(stride ?? context),
      "TextWindows: stride \(stride ?? context) and context \(context)")
    self.context = context
    self.stride = stride ?? context
  }

  /// One window of a text.
  struct Window: Hashable {
    /// The tokens it shows, as positions in the text.
    let shown: Range<Int>
    /// Those of them, from 0, after which a token is predicted.
    let predicted: Range<Int>
  }

  /// The windows of a text of `count` tokens; none for fewer than two.
  func windows(count: Int) -> [Window] {
    var windows: [Window] = []
    var done = 0  // Tokens 1 ... done are predicted.
    var start = 0
    while done < count - 1 {
      let end = min(start + context, count - 1)
      windows.append(Window(shown: start..<end, predicted: done - start..<end - start))
      done = end
      start += stride
    }
    return windows
  }
}
