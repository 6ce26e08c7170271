import Foundation
import PEFTSelect
import PEFTStudy
import Testing

/// Instances with published optima, from the shared data.
@Suite("Published knapsack instances")
struct PublishedInstanceTests {
  private static let root =
    (ProcessInfo.processInfo.environment["PEFT_TEST_DATA"] ?? "../shared/data") + "/knapsack"
  private static let isThere = FileManager.default.fileExists(atPath: root)

  private static func numbers(_ path: String) throws -> [Double] {
    try String(contentsOfFile: path, encoding: .utf8)
      .split { $0.isWhitespace }.compactMap { Double($0) }
  }

  @Test(
    "every instance of the Universidad del Cauca is solved to its optimum", .enabled(if: isThere),
    arguments: ["low-dimensional", "large_scale"])
  func unicauca(_ folder: String) throws {
    let root = Self.root + "/unicauca"
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)").sorted()
    #expect(names.count == (folder == "large_scale" ? 21 : 10))
    for name in names {
      let instance = try KnapsackFile(path: "\(root)/\(folder)/\(name)").instance
      let outcome = instance.solve()
      let optimum = try Self.numbers("\(root)/\(folder)-optimum/\(name)")[0]
      #expect(outcome.isProvenOptimal, "\(name)")
      #expect(abs(outcome.value - optimum) < 1e-4 * optimum, "\(name): \(outcome.value)")
      if folder == "large_scale" { #expect(outcome.value == optimum, "\(name)") }
      let items = outcome.selection.map { instance.items[$0] }
      #expect(items.reduce(0) { $0 + $1.weight } <= instance.capacity, "\(name)")
      #expect(abs(items.reduce(0) { $0 + $1.value } - optimum) < 1e-4 * optimum, "\(name)")
    }
  }

  @Test(
    "every instance of Pisinger's is solved to its optimum", .enabled(if: isThere),
    arguments: ["knapPI_1_100_100000", "knapPI_9_50_1000"])
  func pisinger(_ name: String) throws {
    let text = try String(
      contentsOfFile: "\(Self.root)/pisinger_csv/\(name).csv", encoding: .utf8)
    var capacity: Int64 = 0
    var optimum = 0.0
    var items: [KnapsackItem] = []
    var solved = 0
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split(separator: " ")
      switch words.first {
      case "c": capacity = Int64(words[1]) ?? 0
      case "z": optimum = Double(words[1]) ?? 0
      case let first? where first.hasPrefix("-----"):
        let outcome = try KnapsackInstance(items: items, capacity: capacity).solve()
        #expect(outcome.value == optimum && outcome.isProvenOptimal, "instance \(solved)")
        solved += 1
        items = []
      default:
        let fields = line.split(separator: ",")
        guard fields.count == 4, let value = Double(fields[1]), let weight = Int64(fields[2]) else {
          continue
        }
        items.append(KnapsackItem(weight: weight, value: value))
      }
    }
    #expect(solved == 100)
  }
}
