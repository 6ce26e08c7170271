import Foundation
import PEFTStudy
import PEFTTensor
import Testing

@Suite("Knapsack files")
struct KnapsackFileTests {
  private func withFile<Result>(_ text: String, _ body: (String) throws -> Result) throws -> Result
  {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "peft-knapsack-\(UUID().uuidString)"
    ).path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  @Test("decimal weights become integers, exactly")
  func decimals() throws {
    try withFile("3 1.5\n2.25 0.75\n1e-3 1\r\n\n7 .125\n1 0 1\n") { path in
      let file = try KnapsackFile(path: path)
      #expect(file.weightScale == 1000)
      #expect(file.instance.items.map(\.weight) == [750, 1000, 125])
      #expect(file.instance.items.map(\.value) == [2.25, 1e-3, 7])
      #expect(file.instance.capacity == 1500)
      #expect(try KnapsackFile(path: path, capacity: "2").instance.capacity == 2000)
    }
  }

  @Test("numbers may be on any lines")
  func anyLines() throws {
    try withFile("2\n5\n1 2 3\n4") { path in
      let instance = try KnapsackFile(path: path).instance
      #expect(instance.capacity == 5 && instance.items.map(\.weight) == [2, 4])
    }
  }

  @Test(
    "an invalid instance is refused with its line",
    arguments: [
      ("", "line 1"), ("2", "line 1"), ("x 5\n", "line 1"), ("-1 5\n", "line 1"),
      ("2 5\n1 1\n", "1 of 2"), ("1 5\n1\n", "0 of 1"), ("1 5\nnan 1\n", "line 2"),
      ("1 5\n-1 1\n", "line 2"), ("1 5\ninf 1\n", "line 2"), ("1 5\n1 0\n", "line 2"),
      ("1 5\n1 -2\n", "line 2"), ("1 5\n1 1e3\n", "line 2"), ("1 -5\n1 1\n", "line 1"),
      ("1 5\n\n1 12345678901234567890\n", "line 3"), ("99999999999 5\n", "line 1"),
      ("2 5\n1 999999999999999999\n1 0.0000000001\n", "line 2"),
    ])
  func refusals(_ text: String, _ place: String) throws {
    try withFile(text) { path in
      let error = #expect(throws: FileError.self) { try KnapsackFile(path: path) }
      let message = error.map { "\($0)" } ?? ""
      #expect(message.contains(place) && message.contains(path), "\(message)")
    }
  }
}
