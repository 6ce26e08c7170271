import PEFTTensor
import Testing

private typealias Files = SafetensorsTestFiles

@Suite("Safetensors reader")
struct SafetensorsReaderTests {
  private let reader: SafetensorsReader

  init() throws { reader = try SafetensorsReader(path: Files.fixture("types.safetensors")) }

  @Test("reads Python's files, in every floating-point type")
  func floats() throws {
    let values: [Float] = [0, -0.0, 1, -2.5, 0.1, 65504, 6e-8, .infinity]
    let expected: [(name: String, values: [Float])] = [
      ("f32", values), ("f64", values), ("f16", values.map { Float(Float16($0)) }),
      // The nearest numbers with 8 bits of precision.
      ("bf16", [0, -0.0, 1, -2.5, 0.10009765625, 65536, 0x1.02p-24, .infinity]),
    ]
    for (name, values) in expected {
      let found = try reader.floats(of: name)
      #expect(found.dropLast().map(\.bitPattern) == values.map(\.bitPattern), "\(name)")
      #expect(found.count == 9 && found[8].isNaN)
      #expect(reader.entry(name)?.shape == [9])
    }
    #expect(try reader.floats(of: "scalar") == [7.5])
    #expect(reader.entry("scalar")?.shape == [])
    #expect(try reader.floats(of: "empty") == [])
    #expect(reader.entry("empty")?.shape == [0, 3])
  }

  @Test("reads integers of every width", arguments: ["i8", "i16", "i32", "i64"])
  func integers(name: String) throws {
    #expect(try reader.integers(of: name) == [-3, -2, -1, 0, 1, 2])
    #expect(reader.entry(name)?.shape == [2, 3])
    #expect(try reader.integers(of: "u8") == [250, 251, 252, 253, 254, 255])
  }

  @Test("names differ as soon as their bytes do, and metadata are read")
  func names() throws {
    #expect(try reader.floats(of: "caf\u{E9}") == [1])
    #expect(try reader.floats(of: "cafe\u{301}") == [2])
    #expect(reader.metadata == ["format": "pt", "note": "a \"b\" é"])
    #expect(reader.tensorNames.count == 14)
    #expect(try reader.withBytes(of: "bool") { Array($0) } == [1, 0, 1])
  }

  @Test("a missing tensor and a wrong type are errors that name file and tensor")
  func errors() {
    for attempt in [
      { _ = try reader.floats(of: "i8") }, { _ = try reader.integers(of: "f32") },
      { _ = try reader.floats(of: "none") }, { _ = try reader.integers(of: "bool") },
    ] {
      #expect {
        try attempt()
      } throws: { "\($0)".contains("types.safetensors: tensor \"") }
    }
  }

  @Test("tensors at odd addresses and integers beyond 64 bits")
  func oddPlaces() throws {
    try Files.withDirectory { directory in
      let path = "\(directory)/odd.safetensors"
      let header =
        #"{"u":{"dtype":"U64","shape":[1],"data_offsets":[1,9]},"#
        + #""b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
        + #""f":{"dtype":"F32","shape":[1],"data_offsets":[9,13]}}"#
      let bytes = [7] + [UInt8](repeating: 255, count: 8) + [0, 0, 0xC0, 0x3F]
      try Files.write(Files.file(header: header, data: bytes), to: path)
      let reader = try SafetensorsReader(path: path)
      #expect(reader.tensorNames == ["b", "u", "f"])
      #expect(try reader.floats(of: "f") == [1.5])
      #expect {
        try reader.integers(of: "u")
      } throws: { "\($0)".contains("beyond 9223372036854775807") }
    }
  }

  @Test("null as text, and types beside which the others can be read")
  func otherTypes() throws {
    let reader = try SafetensorsReader(path: Files.fixture("others.safetensors"))
    #expect(reader.metadata.isEmpty)
    let shapes: [String: [Int]] = [
      "F4": [2, 3], "F6_E2M3": [4], "F6_E3M2": [2, 2], "F8_E8M0": [3], "F8_E4M3FNUZ": [1],
      "F8_E5M2FNUZ": [1], "C64": [2], "F32": [1],
    ]
    #expect(Set(reader.tensorNames) == Set(shapes.keys))
    for (name, shape) in shapes {
      #expect(reader.entry(name)?.type.rawValue == name && reader.entry(name)?.shape == shape)
      #expect(reader.entry(name)?.elementCount == shape.reduce(1, *))
      guard name != "F32" else { continue }
      #expect {
        try reader.floats(of: name)
      } throws: {
        ($0 as? FileError)?.kind == .unsupported && "\($0)".contains("tensor \"\(name)\"")
      }
    }
    #expect(try reader.floats(of: "F32") == [1.5])
  }

  @Test("missing files, directories and empty files are errors, not crashes")
  func unreadable() throws {
    try Files.withDirectory { directory in
      let cases: [(path: String, kind: FileError.Kind)] = [
        ("\(directory)/none", .notFound), (directory, .unsupported),
        ("\(directory)/none\u{0}", .notFound), ("/dev/null", .unsupported),
      ]
      for (path, kind) in cases {
        #expect {
          try SafetensorsReader(path: path)
        } throws: { ($0 as? FileError)?.kind == kind }
      }
      try Files.write([], to: "\(directory)/empty")
      #expect(throws: FileError.self) { try SafetensorsReader(path: "\(directory)/empty") }
      #expect(throws: FileError.self) { try FileContents.read(directory) }
      #expect(throws: FileError.self) { try FileContents.read("\(directory)/none") }
      #expect(try FileContents.read("\(directory)/empty") == [])
      #expect(try FileContents.read("/proc/self/cmdline").isEmpty == false)
    }
  }
}
