import Foundation
import PEFTTensor
import TestSupport
import Testing

@Suite("The knapsack command")
struct KnapsackCommandTests {
  @Test("knapsack solves a file")
  func knapsack() throws {
    let place = try TemporaryDirectory()
    let file = try place.write("3 5\n4 3\n3 2\n6 4\n", to: "instance.txt")
    let solved = try PEFTProcess.run("knapsack", file, "--json")
    #expect(solved.status == 0, "\(solved.errors)")
    let document = try solved.document
    #expect(document["value"]?.double == 7 && document["weight"] == .integer(5))
    #expect(document["items"] == .array([.integer(0), .integer(1)]))
    #expect(document["proven"] == .bool(true) && document["upperBound"]?.double == 7)
    #expect(
      try PEFTProcess.run("knapsack", file, "--capacity", "4", "--json").document["value"]?.double
        == 6)
    let frontier = try PEFTProcess.run("knapsack", file, "--frontier")
    #expect(frontier.output == "0 0.0\n2 3.0\n3 4.0\n4 6.0\n5 7.0\n6 9.0\n7 10.0\n9 13.0\n")
    for text in ["3 5\n4 3\n3\n", "1 0\n5 .0000000000000000001\n"] {
      let bad = try place.write(text, to: "bad.txt")
      #expect(try PEFTProcess.run("knapsack", bad).status == 3)
    }
    // For each of two million capacities, the solver would have to store how many of each of 2,000
    // sizes are taken, which exceeds the available time and memory.
    let lines = (1...2000).map { "\($0 * 7919 % 2003 + 1) \($0)" }
    let vast = try place.write((["2000 5"] + lines).joined(separator: "\n"), to: "vast.txt")
    let ended = try PEFTProcess.run("knapsack", vast, "--frontier", "--time-limit", "0.5")
    #expect(ended.status == 4, "\(ended.status): \(ended.errors)")
  }
}
