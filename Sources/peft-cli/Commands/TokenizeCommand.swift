import ArgumentParser
import Foundation
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTText

struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Prints the token ids of every line as a JSON array, including special tokens.",
    discussion: """
      A directory with only vocabulary files is enough; their special tokens decide the family.

      With --mask, rows are conversations or prompts with completions. Each line is an object with \
      the ids that training would see, a mask that is 1 for the tokens that are learnt, and the \
      learnt tokens as texts.

      Examples:
        echo "a stirring film" | peft tokenize minilm
        peft tokenize smollm2 chats.jsonl --mask
      """)

  @Argument(help: "Model directory, or directory with vocabulary files.", completion: .directory)
  var model: String

  @Argument(help: "File with one text per line. (default: standard input)", completion: .file())
  var file: String?

  @Flag(help: "Read each line as a JSON object with text, or text_a and text_b.")
  var jsonl = false

  @Flag(help: "Show which tokens of conversations, or of prompts with completions, are learnt.")
  var mask = false

  @Option(
    help: "With --mask: the format of turns, chatml, llama3 or qwen. (default: the model's)")
  var chatTemplate: ChatTemplate.Name?

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
    if mask { return try showMask(of: bytes, path: path, tokenizer, files) }
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

  /// Prints for each row of JSON lines the ids, the mask, and the texts that are learnt.
  private func showMask(
    of bytes: [UInt8], path: String, _ tokenizer: Tokenizer, _ files: ModelFiles
  ) throws {
    let reader = TaskReader(
      isCausal: true, tokenizer: tokenizer, format: .jsonl,
      chatTemplate: try chatTemplate.map { ChatTemplate($0) }
        ?? ChatTemplate(files: files, tokenizer: tokenizer),
      maximumLength: maxLength ?? .max)
    let rows = try reader.rows(bytes, path: path, kind: .auto)
    let task = try reader.task(of: rows, kind: .auto, windows: TextWindows(context: 256))
    guard task is Chat || task is Completion else {
      throw InvalidSetting(
        "--mask: it is for conversations and prompts with completions, and this is "
          + type(of: task).name)
    }
    let encoded = try task.encode(rows, by: reader)
    let lines = (0..<encoded.count).compactMap { index -> JSONValue? in
      guard let (ids, isLearnt) = encoded.learnt(index) else { return nil }
      var texts: [String] = []
      var part: [Int32] = []
      for (id, isLearnt) in zip(ids + [0], isLearnt + [false]) {
        if isLearnt {
          part.append(id)
        } else if !part.isEmpty {
          texts.append(tokenizer.decode(part))
          part = []
        }
      }
      return JSONValue.object([
        "ids": .array(ids.map { .integer(Int($0)) }),
        "mask": .array(isLearnt.map { .integer($0 ? 1 : 0) }),
        "learnt": .array(texts.map { .string($0) }),
      ])
    }
    if common.json { return Console.output(.array(lines)) }
    for line in lines { Console.output(line.text()) }
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
