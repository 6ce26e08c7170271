import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTText

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Prints the token ids of every line as a JSON array, including special tokens.",
    discussion: """
      A directory with only vocabulary files is enough; their special tokens decide the family.

      Example:
        echo "a stirring film" | peft tokenize minilm
      """)

  @Argument(help: "Model directory, or directory with vocabulary files.", completion: .directory)
  var model: String

  @Argument(help: "File with one text per line. (default: standard input)", completion: .file())
  var file: String?

  @Flag(help: "Read each line as a JSON object with text, or text_a and text_b.")
  var jsonl = false

  @Option(help: "Maximum sequence length in tokens.")
  var maxLength: Int?

  @OptionGroup var common: CommonOptions

  func validate() throws {
    if let maxLength, maxLength < 1 {
      throw ValidationError("--max-length \(maxLength): give a positive number")
    }
  }

  func run() throws {
    common.apply()
    // If the directory has the configuration of a supported family, tokenize as training does; it
    // may also have only vocabulary files.
    let files = ModelFiles(directory: model)
    let tokenizer =
      if let configuration = try? ModelConfiguration(files: files) {
        try configuration.tokenizer(files: files)
      } else {
        try Tokenizer.load(files: files.tokenizer)
      }
    let path = file ?? "/dev/stdin"
    let bytes = try FileContents.read(path)
    let texts = try jsonl ? rows(bytes, path: path) : lines(bytes, path: path)
    let encodings = tokenizer.encode(texts, maximumLength: maxLength).map { encoding in
      JSONValue.array(encoding.ids.map { .integer(Int($0)) })
    }
    if common.json { return Console.output(.array(encodings)) }
    for start in stride(from: 0, to: encodings.count, by: 1000) {
      let lines = encodings[start..<min(start + 1000, encodings.count)].map { $0.text() }
      Console.output(lines.joined(separator: "\n"))
    }
  }

  /// Only line feeds end lines; a final line feed does not begin another line.
  private func lines(_ bytes: [UInt8], path: String) throws -> [(text: String, pair: String?)] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    var texts: [(text: String, pair: String?)] = []
    for (index, line) in lines.enumerated() {
      guard let text = String(validating: line, as: UTF8.self) else {
        throw FileError(
          .malformed, path: path, place: "line \(index + 1)", reason: "it is not UTF-8",
          remedy: "convert the file, as with iconv -f latin1 -t utf8")
      }
      texts.append((text, nil))
    }
    return texts
  }

  private func rows(_ bytes: [UInt8], path: String) throws -> [(text: String, pair: String?)] {
    try DataReader.parse(bytes, path: path, format: .jsonl, columns: nil).map {
      ($0.text, $0.pair)
    }
  }
}
