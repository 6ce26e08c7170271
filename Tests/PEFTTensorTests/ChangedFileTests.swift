import Foundation
import PEFTTensor
import Testing

private typealias Files = SafetensorsTestFiles

@Suite("Files that change while in use, and special files")
struct ChangedFileTests {
  /// A file of three tensors of 8 KiB to 16 KiB, last written an hour ago.
  private static func sample(in directory: String) throws -> String {
    let path = directory + "/model.safetensors"
    let values = (0..<4096).map(Float.init)
    try SafetensorsWriter.write(
      [
        SafetensorsOutput(name: "floats", shape: [4096], floats: values),
        SafetensorsOutput(name: "halves", shape: [4096], floats: values, as: .float16),
        SafetensorsOutput(name: "integers", shape: [2048], integers: Array(0..<2048)),
      ], to: path)
    // The clock of a file system has a resolution of some milliseconds.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: path)
    return path
  }

  private static let reads: [@Sendable (SafetensorsReader) throws -> Void] = [
    { _ = try $0.floats(of: "floats") }, { _ = try $0.floats(of: "halves") },
    { _ = try $0.integers(of: "integers") }, { try $0.withBytes(of: "floats") { _ in } },
  ]

  @Test("a file shortened after it was opened is malformed, and nothing crashes")
  func truncated() throws {
    try Files.withDirectory { directory in
      let path = try Self.sample(in: directory)
      let reader = try SafetensorsReader(path: path)
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.truncate(atOffset: 1000)
      for read in Self.reads {
        #expect {
          try read(reader)
        } throws: {
          ($0 as? FileError)?.kind == .malformed && "\($0)".contains("while it was in use")
        }
      }
    }
  }

  @Test("bytes changed after the file was opened are detected, a new file is not read")
  func overwritten() throws {
    try Files.withDirectory { directory in
      let path = try Self.sample(in: directory)
      let before = try SafetensorsReader(path: path)
      try SafetensorsWriter.write(
        [SafetensorsOutput(name: "floats", shape: [1], floats: [7])], to: path)
      #expect(try before.floats(of: "floats").count == 4096)
      let replaced = try Self.sample(in: directory)
      let reader = try SafetensorsReader(path: replaced)
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: replaced))
      try file.seekToEnd()
      try file.seek(toOffset: file.offsetInFile - 8)
      try file.write(contentsOf: [1, 2, 3, 4, 5, 6, 7, 8])
      for read in Self.reads {
        #expect {
          try read(reader)
        } throws: { ($0 as? FileError)?.kind == .malformed }
      }
    }
  }

  @Test("pipes, sockets and devices are refused at once", .timeLimit(.minutes(1)))
  func irregular() throws {
    try Files.withDirectory { directory in
      let pipe = directory + "/pipe"
      try #require(mkfifo(pipe, 0o600) == 0)
      for path in [pipe, "/dev/zero", directory] {
        let attempts: [() throws -> Void] = [
          { _ = try SafetensorsReader(path: path) }, { _ = try JSONValue(contentsOf: path) },
          { _ = try FileContents.read(regularFile: path) },
          { _ = try FileContents.byteCount(path) },
        ]
        for attempt in attempts {
          #expect {
            try attempt()
          } throws: { ($0 as? FileError)?.kind == .unsupported && "\($0)".hasPrefix(path) }
        }
      }
    }
  }

  @Test("a file above the limit is refused before it is read")
  func limit() throws {
    try Files.withDirectory { directory in
      let path = directory + "/config.json"
      try Files.write(Array("[12]".utf8), to: path)
      #expect(try FileContents.read(regularFile: path, limit: 4) == Array("[12]".utf8))
      #expect {
        try FileContents.read(regularFile: path, limit: 3)
      } throws: { "\($0)".contains("it has 4 bytes, more than 3") }
    }
  }
}
