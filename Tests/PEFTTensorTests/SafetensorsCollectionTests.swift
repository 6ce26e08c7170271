import Foundation
import PEFTTensor
import Testing

private typealias Files = SafetensorsTestFiles

@Suite("Safetensors in several files")
struct SafetensorsCollectionTests {
  @Test("opens a checkpoint that Python's naming splits in two")
  func sharded() throws {
    let checkpoint = try SafetensorsCollection(directory: Files.fixture("sharded"))
    #expect(checkpoint.tensorNames == ["first.weight", "second.weight"])
    #expect(try checkpoint.floats(of: "first.weight") == [1, 2])
    #expect(try checkpoint.floats(of: "second.weight") == [3])
    #expect(checkpoint.entry("first.weight")?.shape == [1, 2])
    #expect(checkpoint.entry("third.weight") == nil)
    #expect(throws: FileError.self) { try checkpoint.floats(of: "third.weight") }
  }

  @Test(
    "refuses an index that does not fit its files",
    arguments: [
      (#"{"a":"1.safetensors","b":"../2.safetensors"}"#, "not a plain name"),
      (#"{"a":"1.safetensors","b":"/2.safetensors"}"#, "not a plain name"),
      (#"{"a":"1.safetensors","b":"2.safetensors\u0000"}"#, "not a plain name"),
      (#"{"a":"1.safetensors","b":".."}"#, "not a plain name"),
      (#"{"a":"1.safetensors","b":2}"#, "not a plain name"),
      (#"{"a":"1.safetensors","b":"3.safetensors"}"#, "No such file"),
      (#"{"a":"1.safetensors","b":"copy.safetensors"}"#, "it also stands in 1.safetensors"),
      ("{}", "missing, empty or not"), ("[]", "missing, empty or not"), ("{", "line 1"),
    ])
  func refuses(map: String, reason: String) throws {
    try Files.withDirectory { directory in
      for (file, name) in [("1", "a"), ("2", "b"), ("copy", "a")] {
        try SafetensorsWriter.write(
          [SafetensorsOutput(name: name, shape: [1], floats: [1])],
          to: "\(directory)/\(file).safetensors")
      }
      try Files.write(
        Array("{\"weight_map\":\(map)}".utf8), to: "\(directory)/model.safetensors.index.json")
      #expect {
        try SafetensorsCollection(directory: directory)
      } throws: { "\($0)".contains(reason) && "\($0)".hasPrefix(directory) }
    }
  }

  @Test(
    "an index may leave a tensor out, name one that is missing, or name another of its files",
    arguments: [
      #"{"a":"1.safetensors","c":"2.safetensors"}"#,
      #"{"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"}"#,
      #"{"a":"2.safetensors","b":"1.safetensors"}"#,
    ])
  func looseIndex(map: String) throws {
    try Files.withDirectory { directory in
      for (file, name, value) in [("1", "a", Float(1)), ("2", "b", 2)] {
        try SafetensorsWriter.write(
          [SafetensorsOutput(name: name, shape: [1], floats: [value])],
          to: "\(directory)/\(file).safetensors")
      }
      try Files.write(
        Array("{\"weight_map\":\(map)}".utf8), to: "\(directory)/model.safetensors.index.json")
      let checkpoint = try SafetensorsCollection(directory: directory)
      #expect(Set(checkpoint.tensorNames) == ["a", "b"])
      #expect(try checkpoint.floats(of: "a") == [1])
      #expect(try checkpoint.floats(of: "b") == [2])
      #expect(checkpoint.entry("c") == nil)
    }
  }

  @Test("names the conversion if there is only a PyTorch checkpoint, and prefers safetensors")
  func pickled() throws {
    try Files.withDirectory { directory in
      #expect {
        try SafetensorsCollection(directory: directory)
      } throws: { ($0 as? FileError)?.kind == .notFound }
      try Files.write([0x80, 2], to: "\(directory)/pytorch_model.bin")
      #expect {
        try SafetensorsCollection(directory: directory)
      } throws: {
        ($0 as? FileError)?.kind == .unsupported && "\($0)".contains("s.save_file")
      }
      try SafetensorsWriter.write(
        [SafetensorsOutput(name: "a", shape: [1], floats: [1])],
        to: "\(directory)/model.safetensors")
      #expect(try SafetensorsCollection(directory: directory).tensorNames == ["a"])
      #expect(
        try SafetensorsCollection(file: "\(directory)/model.safetensors").floats(of: "a") == [1])
    }
  }
}
