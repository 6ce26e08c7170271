import Foundation
import PEFTTensor
import Testing

private typealias Files = SafetensorsTestFiles

@Suite("Safetensors writer")
struct SafetensorsWriterTests {
  private static let values: [Float] = [0, -0.0, 1, -2.5, 0.1, 65504, 6e-8, 1e-30, .infinity]
  private static let outputPath = ProcessInfo.processInfo.environment["PEFT_SAFETENSORS_OUTPUT"]

  private static func writeSample(to path: String) throws {
    try SafetensorsWriter.write(
      [
        SafetensorsOutput(name: "floats", shape: [3, 3], floats: values),
        SafetensorsOutput(name: "halves", shape: [9], floats: values, as: .float16),
        SafetensorsOutput(name: "scalar", shape: [], floats: [7.5]),
        SafetensorsOutput(name: "bfloats", shape: [9], floats: values, as: .bfloat16),
        SafetensorsOutput(name: "integers", shape: [3], integers: [-1, 0, 1 << 62]),
        SafetensorsOutput(name: "empty", shape: [0, 3], floats: []),
      ], metadata: ["note": "é \"x\"", "format": "pt"], to: path)
  }

  @Test("written tensors are read back, in the given order, with the same bytes every time")
  func roundTrip() throws {
    try Files.withDirectory { directory in
      let path = "\(directory)/a.safetensors"
      try Self.writeSample(to: path)
      let bytes = try FileContents.read(path)
      #expect(bytes[0] % 8 == 0)
      let reader = try SafetensorsReader(path: path)
      #expect(
        reader.tensorNames == ["floats", "halves", "scalar", "bfloats", "integers", "empty"])
      #expect(reader.metadata == ["note": "é \"x\"", "format": "pt"])
      #expect(try reader.floats(of: "floats").map(\.bitPattern) == Self.values.map(\.bitPattern))
      #expect(try reader.floats(of: "halves") == Self.values.map { Float(Float16($0)) })
      #expect(
        try reader.floats(of: "bfloats")
          == [0, -0.0, 1, -2.5, 0.10009765625, 65536, 0x1.02p-24, 0x1.44p-100, .infinity])
      #expect(try reader.integers(of: "integers") == [-1, 0, 1 << 62])
      #expect(try reader.floats(of: "scalar") == [7.5])
      #expect(reader.entry("empty")?.shape == [0, 3])

      // Replace the file that is open: the reader keeps the old bytes, and the path has the new
      // ones.
      try SafetensorsWriter.write(
        [SafetensorsOutput(name: "floats", shape: [1], floats: [5])], to: path)
      #expect(try reader.floats(of: "floats").map(\.bitPattern) == Self.values.map(\.bitPattern))
      #expect(try SafetensorsReader(path: path).floats(of: "floats") == [5])
      try Self.writeSample(to: path)
      #expect(try FileContents.read(path) == bytes)
      #expect(try Files.names(in: directory) == ["a.safetensors"])
    }
  }

  @Test("a tensor written in pieces, and one whose bytes cannot be read")
  func pieces() throws {
    try Files.withDirectory { directory in
      let path = "\(directory)/a.safetensors"
      let many = (0..<100_000).map { Float($0 % 2048) }
      let tensor = SafetensorsOutput(name: "x", type: .uint8, shape: [4]) {
        (sink) throws(FileError) in
        for byte in 0..<4 as Range<UInt8> { try withUnsafePiece(of: byte, sink) }
      }
      try SafetensorsWriter.write(
        [tensor, SafetensorsOutput(name: "y", shape: [100_000], floats: many, as: .float16)],
        to: path)
      let reader = try SafetensorsReader(path: path)
      #expect(try reader.integers(of: "x") == [0, 1, 2, 3])
      #expect(try reader.floats(of: "y") == many)

      let failure = FileError(.storage, path: "source", reason: "gone")
      let broken = SafetensorsOutput(name: "z", type: .uint8, shape: [4]) {
        (_) throws(FileError) in throw failure
      }
      #expect(throws: failure) { try SafetensorsWriter.write([tensor, broken], to: path) }
      #expect(try SafetensorsReader(path: path).tensorNames == ["x", "y"])
      #expect(try Files.names(in: directory) == ["a.safetensors"])
    }
  }

  @Test("writes for Python", .enabled(if: outputPath != nil, "needs PEFT_SAFETENSORS_OUTPUT"))
  func writesForPython() throws {
    try Self.writeSample(to: try #require(Self.outputPath))
  }
}

private func withUnsafePiece(
  of byte: UInt8, _ sink: SafetensorsOutput.ByteSink
) throws(FileError) {
  let pointer = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
  pointer.initialize(to: byte)
  defer { pointer.deallocate() }
  try sink(UnsafeRawBufferPointer(start: pointer, count: 1))
}
