import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain

/// The texts that a model generated for the prompts of a file, one for each distinct prompt, and
/// their comparison with all of the prompt's references.
public struct WrittenTexts: Sendable {
  /// The prompts and their references.
  public let groups: PromptGroups
  /// The texts in the order of the groups.
  public let texts: [String]
  /// The comparison.
  public let metrics: GenerationMetrics

  /// Generates texts for the prompts of `rows`, all of which must have a reference.
  ///
  /// Returns nil if `shouldStop`, called before every batch of prompts, ended the generation.
  public init?(
    _ writer: TextWriter, rows: TaskReader.Rows, settings: GenerationSettings,
    shouldStop: () -> Bool
  ) throws(FileError) {
    if let bare = rows.examples.first(where: { $0.pair == nil }) {
      throw FileError(
        .malformed, path: rows.path, place: "line \(bare.line)",
        reason: "the prompt has no reference to compare with",
        remedy: "write without comparing")
    }
    groups = PromptGroups(rows.examples)
    guard
      let texts = try writer.texts(
        after: groups.groups.map { TextExample(text: $0.prompt, line: $0.line) }, of: rows.path,
        settings: settings, shouldStop: shouldStop)
    else { return nil }
    self.texts = texts
    metrics = GenerationMetrics(outputs: texts, references: groups.references)
  }

  /// Writes one JSON line with prompt, text and references for each prompt. What a killed process
  /// has left of the same lines beside it is removed.
  public func write(to path: String) throws(FileError) {
    let lines = zip(groups.groups, texts).map { group, text in
      JSONValue.object([
        "prompt": .string(group.prompt), "text": .string(text),
        "references": .array(group.references.map { .string($0) }),
      ]).text() + "\n"
    }
    let bytes = Array(lines.joined().utf8)
    AtomicFile.removeLeftOvers(
      in: path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    ) { other in
      let part = try? FileContents.read(regularFile: other, limit: bytes.count)
      return part.map(bytes.starts) == true
    }
    try AtomicFile.write(bytes, to: path)
  }
}
