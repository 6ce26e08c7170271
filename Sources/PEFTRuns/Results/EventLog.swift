import Foundation
import PEFTTensor

/// A log of a run's events with their times, as JSON lines. Processes that resume the run append to
/// it.
struct EventLog {
  /// The file's name in a run directory.
  static let fileName = "events.jsonl"

  private var file: AppendedFile

  /// Begins a log, or continues an existing one after its last complete line.
  init(in output: OutputDirectory, resuming: Bool) throws(FileError) {
    let path = try output.file(Self.fileName)
    if resuming, try output.has(Self.fileName) {
      let bytes = try FileContents.read(regularFile: path)
      let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      file = try AppendedFile(reopening: path, keeping: end)
    } else {
      file = try AppendedFile(creating: path)
    }
  }

  /// Appends a line with the time, `event` and its details.
  mutating func add(_ event: String, _ details: JSONObject) throws(FileError) {
    var object: JSONObject = [
      "time": .string(
        Date().formatted(
          .iso8601.year().month().day().timeZone(separator: .omitted).time(
            includingFractionalSeconds: true))),
      "event": .string(event),
    ]
    for (key, value) in details.members { object[key] = value }
    try file.append(Array((JSONValue.object(object).text() + "\n").utf8))
  }
}
