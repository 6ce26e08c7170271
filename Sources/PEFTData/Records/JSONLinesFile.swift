import Foundation
import PEFTTensor

/// Writes examples as JSON lines, which `DataReader` reads back unchanged.
public enum JSONLinesFile {
  /// Writes `text`, or `text_a` and `text_b`, and `label` or `labels`, one example per line.
  ///
  /// Creates the directory if necessary.
  public static func write(_ examples: [TextExample], to path: String) throws(FileError) {
    let lines = examples.map { example -> String in
      var object: JSONObject =
        example.pair.map { ["text_a": .string(example.text), "text_b": .string($0)] }
        ?? ["text": .string(example.text)]
      object["label"] = example.label.map { .string($0) }
      object["labels"] = example.labels.map { .array($0.map { .string($0) }) }
      return JSONValue.object(object).text() + "\n"
    }
    try DirectoryHandle.create((path as NSString).deletingLastPathComponent)
    try AtomicFile.write(Array(lines.joined().utf8), to: path)
  }
}
