import Foundation
import Glibc
import PEFTTensor
import Synchronization

/// The two streams: results go to standard output, everything else goes to standard error.
///
/// All output may contain names from files. Scalars in them that a terminal would interpret are
/// replaced.
enum Console {
  /// The first error of writing results, as an errno; 0 if there is none. A closed pipe (EPIPE)
  /// does not count as an error.
  private static let failure = Atomic<Int32>(0)
  private static let isSilentFlag = Atomic<Bool>(false)

  /// Whether only errors that end the process are shown, because another process of the job speaks
  /// for all.
  static var isSilent: Bool {
    get { isSilentFlag.load(ordering: .relaxed) }
    set { isSilentFlag.store(newValue, ordering: .relaxed) }
  }

  /// Throws if results could not be written.
  static func checkOutput() throws(FileError) {
    let code = failure.load(ordering: .relaxed)
    guard code != 0 else { return }
    throw .system(code, "cannot write results", path: "standard output")
  }

  /// Prints a line of results.
  static func output(_ line: String) { write(line + "\n") }

  /// Prints a coloured line of results; its texts from files must already be safe.
  static func output(coloured line: String) { writeResult(line + "\n") }

  /// Prints a part of a result without ending the line.
  static func write(_ text: String) { writeResult(VisibleText.lines(text)) }

  private static func writeResult(_ text: String) {
    guard failure.load(ordering: .relaxed) == 0, !isSilent else { return }
    let code = write(text, to: STDOUT_FILENO)
    if code != EPIPE { failure.store(code, ordering: .relaxed) }
  }

  /// Prints a document that makes up the whole standard output.
  static func output(_ document: JSONValue) { output(VisibleText.json(document.text())) }

  /// Prints a message line.
  static func error(_ line: String) {
    if !isSilent { fatal(line) }
  }

  /// Prints a message line that every process may show.
  static func fatal(_ line: String) {
    _ = write(VisibleText.lines(line) + "\n", to: STDERR_FILENO)
  }

  /// Prints a coloured message line; its texts from files must already be safe.
  static func error(coloured line: String) {
    if !isSilent { _ = write(line + "\n", to: STDERR_FILENO) }
  }

  /// Replaces the live line on a terminal; a longer line than fits is cut.
  static func live(_ line: String) {
    guard !isSilent else { return }
    let text = VisibleText.line(line).prefix(max(1, width - 1))
    _ = write("\r" + text + "\u{1B}[K", to: STDERR_FILENO)
  }

  /// Whether standard error is a terminal that can show a live line.
  static var isTerminal: Bool {
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// The number of columns: `COLUMNS`, else those of the terminal, else 80.
  static var columns: Int { size("COLUMNS", \.ws_col) ?? 80 }

  /// The number of columns for tables and figures, at least 40.
  static var width: Int { max(40, columns) }

  /// The number of lines: `LINES`, else those of the terminal, else 24; at least 12.
  static var height: Int { max(12, size("LINES", \.ws_row) ?? 24) }

  private static func size(_ variable: String, _ field: KeyPath<winsize, UInt16>) -> Int? {
    let given = ProcessInfo.processInfo.environment[variable].flatMap { Int($0) }
    if let given, given > 0 { return given }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size[keyPath: field] > 0 {
        return Int(size[keyPath: field])
      }
    }
    return nil
  }

  /// Whether standard output is a terminal.
  static var isOutputTerminal: Bool {
    isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Whether to use colours: NO_COLOR is not set.
  static var hasColour: Bool {
    ProcessInfo.processInfo.environment["NO_COLOR"].map(\.isEmpty) ?? true
  }

  /// Writes all of `text`. Returns the error number, 0 on success.
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&waiting, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
