import PEFTTensor
import TestSupport
import Testing

@Suite("Memory that processes share")
struct SharedMemoryTests {
  @Test("all have the bytes of the first, and see no change of another's")
  func bytes() throws {
    let found = try ThreadedRanks.run(3) { collective -> [UInt8] in
      var fills = 0
      let memory = try #require(
        collective.share(100_000) { bytes in
          fills += 1
          for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * 7) }
        })
      #expect(fills == (collective.rank == 0 ? 1 : 0))
      #expect(memory.bytes.count == 100_000)
      #expect(
        memory.bytes.indices.allSatisfy { memory.bytes[$0] == UInt8(truncatingIfNeeded: $0 * 7) })
      try collective.barrier()
      memory.bytes[50_000] = UInt8(collective.rank)
      try collective.barrier()
      return [memory.bytes[50_000], memory.bytes[50_001]]
    }.results
    let next = UInt8(truncatingIfNeeded: 50_001 * 7)
    #expect(found == [[0, next], [1, next], [2, next]])
  }

  @Test("a single process, and no bytes, are not shared")
  func alone() throws {
    #expect(try Alone().share(100) { _ in } == nil)
    let found = try ThreadedRanks.run(2) { try $0.share(0) { _ in } == nil }.results
    #expect(found == [true, true])
  }

  /// Shared memory in the list of this process's mappings, in KiB.
  private static func mapped() throws -> Int {
    let maps = String(decoding: try FileContents.read("/proc/self/smaps"), as: UTF8.self)
    var (sum, isOurs) = (0, false)
    for line in maps.split(separator: "\n") {
      if line.contains("memfd:peft") { isOurs = true }
      guard isOurs, line.hasPrefix("Size:") else { continue }
      sum += line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
      isOurs = false
    }
    return sum
  }

  @Test("a matrix of bfloat16 numbers is shared in Float")
  func bfloats() throws {
    let found = try ThreadedRanks.run(2) { collective -> [Float] in
      let parameter = Parameter(name: "matrix", zeros: [30, 20], isTrainable: false)
      parameter.hold(
        Self.matrix(), from: .bfloats { () throws(FileError) in Self.matrix() })
      let bytes = try [parameter].shareValues(over: collective)
      #expect(bytes == 608 * 4 && parameter.valueBytes == 600 * 4)
      return parameter.value.elements
    }.results
    let expected = Self.matrix().expanded.elements
    #expect(found == [expected, expected])
  }

  private static func matrix() -> BFloatMatrix {
    BFloatMatrix([30, 20]) { elements in
      for index in elements.indices { elements[index] = HalfPrecision.bfloat(Float(index) / 8) }
    }
  }

  @Test("shared values keep their bits, and a change is seen by one process alone")
  func parameters() throws {
    let found = try ThreadedRanks.run(2) { collective -> [[Float]] in
      var random = SeededRandom(3)
      let parameters = [(300, 70), (1, 5), (64, 64)].enumerated().map { index, shape in
        Parameter(
          name: "\(index)",
          value: Tensor(
            (0..<shape.0 * shape.1).map { _ in Float.random(in: -1...1, using: &random) },
            shape: [shape.0, shape.1]), isTrainable: false)
      }
      let before = parameters.map { $0.value.elements }
      // 21,000 and 5 elements, each rounded up to 16.
      #expect(try parameters.prefix(2).shareValues(over: collective) == (21_008 + 16) * 4)
      #expect(parameters.map { $0.value.elements } == before)
      if collective.rank == 0 { #expect(try Self.mapped() >= 2 * 84) }
      try collective.barrier()
      // A change makes a copy of that value.
      if collective.rank == 1 {
        parameters[0].value.withUnsafeMutableElements { $0[7] = 9 }
        #expect(parameters[0].value.elements[7] == 9)
      }
      try collective.barrier()
      return [[parameters[0].value.elements[7]], parameters[1].value.elements, before[0]]
    }.results
    #expect(found[0][0] == [found[0][2][7]] && found[1][0] == [9])
    #expect(found[0][1] == found[1][1])
  }
}
