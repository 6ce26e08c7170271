import Foundation
import PEFTTensor

/// The two streams: results to standard output, everything else to standard error.
enum Console {
  /// Prints a line of results.
  static func output(_ line: String) { write(line + "\n", to: FileHandle.standardOutput) }

  /// Prints a piece of a result, without ending the line.
  static func write(_ text: String) { write(text, to: FileHandle.standardOutput) }

  /// Prints a document that is the whole of standard output.
  static func output(_ document: JSONValue) { output(document.text()) }

  /// Prints a line about what is going on.
  static func error(_ line: String) { write(line + "\n", to: FileHandle.standardError) }

  /// Replaces the live line on a terminal.
  static func live(_ line: String) {
    write("\r" + line + "\u{1B}[K", to: FileHandle.standardError)
  }

  /// Whether standard error is a terminal that can show a live line.
  static var isTerminal: Bool {
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Whether colours are wanted: NO_COLOR is not set.
  static var hasColour: Bool {
    ProcessInfo.processInfo.environment["NO_COLOR"].map(\.isEmpty) ?? true
  }

  private static func write(_ text: String, to stream: FileHandle) {
    try? stream.write(contentsOf: Data(text.utf8))
  }
}
