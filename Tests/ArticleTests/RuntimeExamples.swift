import PEFTRuntime
import Testing

/// The examples of PEFTRuntime's articles.
@Suite("Examples of PEFTRuntime")
struct RuntimeExamples {
  @Test("files")
  func files() throws {
    let files = try ExampleFiles()
    let directory = files.directory
    let path = directory + "/settings.json"
    try JSONFile.write(.object(["rate": .number(1e-3), "steps": .integer(40)]), to: path)
    let document = try JSONValue(contentsOf: path)
    print(document["steps"]?.integer ?? 0, try Fingerprint.file(path))
    #expect(document["rate"] == .number(1e-3))
  }

  @Test("random numbers and workers")
  func workers() {
    var generator = SeededGenerator(seed: 1, purpose: "data order")
    let order = generator.permutation(8)
    let squares = [Int](unsafeUninitializedCapacity: 8) { buffer, count in
      nonisolated(unsafe) let squares = buffer
      WorkerPool.shared.run(8) { squares[$0] = order[$0] * order[$0] }
      count = 8
    }
    print(order, squares)
    #expect(order.sorted() == Array(0..<8) && squares == order.map { $0 * $0 })
  }
}
