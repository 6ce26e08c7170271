import Foundation
import PEFTModels
import PEFTTensor
import TestSupport
import Testing

@Suite("Model files opened once")
struct ModelFilesTests {
  /// A small model directory whose files were last written an hour ago.
  private static func withModel(_ body: (URL) throws -> Void) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "peft-files-\(UUID())")
    defer { try? FileManager.default.removeItem(at: url) }
    try SmallModel.write(to: url.path, texts: ["a plain film", "a fine film"])
    // The clock of a file system has a resolution of some milliseconds.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600)],
      ofItemAtPath: url.appending(path: "model.safetensors").path)
    try body(url)
  }

  private static func load(_ files: ModelFiles) throws -> TransformerModel {
    try TransformerModel.load(
      files: files, output: .classes(2, pooling: .mean),
      using: SeededGenerator(seed: 1, purpose: "test")
    ).model
  }

  @Test("the opened files are hashed and read, even if others replace them")
  func replaced() throws {
    try Self.withModel { url in
      let files = ModelFiles(directory: url.path)
      let digests = try ModelFiles(directory: url.path).digests()
      #expect(Set(digests.keys) == ["model.safetensors", "config.json", "vocab.txt"])
      let model = try Self.load(ModelFiles(directory: url.path))
      try FileManager.default.removeItem(at: url)
      try SmallModel.write(to: url.path, texts: ["other words of another model"])
      #expect(try files.digests() == digests)
      let same = try Self.load(files)
      #expect(same.parameterCount == model.parameterCount)
      for (one, other) in zip(same.parameters, model.parameters) {
        let name = one.parameter.name
        #expect(one.parameter.value.isIdentical(to: other.parameter.value), "\(name)")
      }
      let tokenizer = try same.configuration.tokenizer(files: files)
      #expect(tokenizer.decode(tokenizer.encode("a plain film").ids).contains("plain"))
      #expect(try ModelFiles(directory: url.path).digests() != digests)
    }
  }

  @Test("weights changed between hashing and reading are detected", arguments: [true, false])
  func written(isHashed: Bool) throws {
    try Self.withModel { url in
      let files = ModelFiles(directory: url.path)
      if isHashed { _ = try files.digests() }
      let weights = try FileHandle(forWritingTo: url.appending(path: "model.safetensors"))
      try weights.seekToEnd()
      try weights.seek(toOffset: weights.offsetInFile - 4)
      try weights.write(contentsOf: [0, 0, 0, 0])
      for attempt in [{ _ = try Self.load(files) }, { _ = try files.digests() }] {
        #expect {
          try attempt()
        } throws: {
          ($0 as? FileError)?.kind == .malformed && "\($0)".contains("while it was in use")
        }
      }
    }
  }

  @Test(
    "a pipe in place of a file is refused at once", .timeLimit(.minutes(1)),
    arguments: ["config.json", "vocab.txt", "tokenizer.json", "model.safetensors"])
  func pipe(name: String) throws {
    try Self.withModel { url in
      let path = url.appending(path: name).path
      try? FileManager.default.removeItem(atPath: path)
      try #require(mkfifo(path, 0o600) == 0)
      #expect {
        let files = ModelFiles(directory: url.path)
        _ = try ModelConfiguration(files: files).tokenizer(files: files)
        _ = try Self.load(files)
      } throws: { ($0 as? FileError)?.kind == .unsupported && "\($0)".hasPrefix(path) }
    }
  }

  @Test("the names to read are those of the tokenizer in use")
  func names() throws {
    try Self.withModel { url in
      func names() -> [String] { ModelFiles(directory: url.path).namesRead }
      func write(_ name: String) throws {
        try Data("{}".utf8).write(to: url.appending(path: name))
      }
      #expect(names() == ["config.json", "vocab.txt"])
      try write("merges.txt")
      #expect(names() == ["config.json", "vocab.txt"])
      for name in ["special_tokens_map.json", "added_tokens.json"] { try write(name) }
      let lists = ["special_tokens_map.json", "added_tokens.json"]
      #expect(names() == ["config.json", "vocab.txt"] + lists)
      try write("vocab.json")
      #expect(names() == ["config.json", "vocab.json", "merges.txt"] + lists)
      for name in ["tokenizer.json", "tokenizer_config.json"] { try write(name) }
      #expect(names() == ["config.json", "tokenizer.json", "tokenizer_config.json"])
    }
  }
}
