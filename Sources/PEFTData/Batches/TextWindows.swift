import PEFTTensor

/// Divides a long text for a language model into windows of at most `context` tokens, one every
/// `stride` tokens.
///
/// Every token but the first of the text is predicted exactly once, in the first window that
/// contains it. It therefore sees at least context − stride preceding tokens, if the text has that
/// many.
public struct TextWindows: Hashable, Sendable {
  /// The largest number of tokens in a window.
  public let context: Int
  /// The number of tokens from the start of one window to the start of the next.
  public let stride: Int

  /// Creates windows with 0 < stride ≤ context.
  public init(context: Int, stride: Int? = nil) {
    precondition(
      context > 0 && (1...context).contains(stride ?? context),
      "TextWindows: stride \(stride ?? context) and context \(context)")
    self.context = context
    self.stride = stride ?? context
  }

  /// One window of a text.
  struct Window: Hashable {
    /// The tokens in the window, as positions in the text.
    let shown: Range<Int>
    /// The positions in the window, from 0, after which a token is predicted.
    let predicted: Range<Int>
  }

  /// The windows of a text of `count` tokens; empty for fewer than two tokens.
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
