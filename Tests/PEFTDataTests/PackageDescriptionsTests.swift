import Foundation
import PEFTData
import PEFTTensor
import TestSupport
import Testing

@Suite("Package descriptions")
struct PackageDescriptionsTests {
  typealias Record = PackageDescriptions.Record

  static func permutation(seed: UInt64) -> (Int) -> [Int] {
    var random = SeededRandom(seed)
    return { Array(0..<$0).shuffled(using: &random) }
  }

  static let index = """
    Package: a
    Description: short text
     first line,
     second line.
     .
      - item
    Homepage: x
     not part of it
    Section: contrib/games

    Package: b
    Section: libs
    Description-md5: 00
    Description-en: english

    Package: without-section
    Description: lost
    \u{20}
    Section: lost

    Section: non-free-firmware/kernel\r
    Description: last one\t\r
    """

  @Test("stanzas become records")
  func parses() {
    let expected = [
      Record(
        description: "short text first line, second line. - item", section: "games", line: 1),
      Record(description: "english", section: "libs", line: 11),
      Record(description: "last one", section: "kernel", line: 21),
    ]
    let bytes = Array(Self.index.utf8)
    #expect(PackageDescriptions.records(in: bytes) == expected)
    #expect(PackageDescriptions.records(in: bytes + [0x0A, 0x0A, 0x0A]) == expected)
    #expect(PackageDescriptions.records(in: []).isEmpty)
  }

  @Test("tags are read over several lines, and make examples with the most frequent of them")
  func tags() throws {
    let stanza = "Description: d\nTag: a::b, c::d,\n e::f\nSection: x\n other\n"
    let record = try #require(PackageDescriptions.records(in: Array(stanza.utf8)).first)
    #expect(record.tags == ["a::b", "c::d", "e::f"])
    let records = (0..<300).map { number in
      Record(
        description: "text \(number)", section: "s",
        tags: ["all", "t\(number % 40)"] + (number < 150 ? ["half"] : []), line: number + 1)
    }
    let data = try PackageTags(
      records.shuffled() + [Record(description: "untagged", section: "s", line: 400)], path: "p",
      permutation: Self.permutation(seed: 1))
    let same = try PackageTags(records, path: "p", permutation: Self.permutation(seed: 1))
    #expect(data.train == same.train && data.test == same.test)
    #expect((data.train.count, data.dev.count, data.test.count) == (240, 30, 30))
    #expect(data.tags.count == PackageTags.tagLimit && data.tags.prefix(2) == ["all", "half"])
    let all = data.train + data.dev + data.test
    #expect(Set(all.map(\.text)).count == 300)
    #expect(Set(all.flatMap { $0.labels ?? [] }) == Set(data.tags))
    #expect(throws: FileError.self) {
      try PackageTags(Array(records.prefix(50)), path: "p") { Array(0..<$0) }
    }
  }

  @Test("text that is not UTF-8 gives no record, and no bytes crash the parser")
  func anyBytes() {
    let stanza = Array("Section: a\nDescription: b".utf8)
    #expect(PackageDescriptions.records(in: stanza + [0xFF]).isEmpty)
    #expect(PackageDescriptions.records(in: stanza + [0x00]).isEmpty)
    let bytes = Array(Self.index.utf8)
    let alphabet = Array("\n \t:/.DS".utf8) + [0, 0xFF, 0xC3]
    var random = SeededRandom(2)
    for _ in 0..<5000 {
      var mutated = bytes
      for _ in 0..<4 {
        let position = Int.random(in: 0..<mutated.count, using: &random)
        mutated[position] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      #expect(PackageDescriptions.records(in: mutated).count <= 8)
    }
  }

  /// 12 sections of 30, 60, 90, … different descriptions, each occurring twice.
  static let records: [Record] = (1...12).flatMap { section in
    (0..<(2 * 30 * section)).map { number in
      Record(
        description: "package \(number / 2) of \(section)", section: "s\(section)",
        line: 1000 * section + number)
    }
  }

  @Test("the largest sections are split in tenths without overlap, whatever the order")
  func splits() throws {
    let split = try PackageDescriptions(
      Self.records, path: "index", permutation: Self.permutation(seed: 1))
    let all = split.train + split.dev + split.test
    #expect(Set(all.map(\.text)).count == all.count)
    let counts = Dictionary(grouping: all, by: \.label).mapValues(\.count)
    #expect(counts.count == 10 && counts["s1"] == nil && counts["s2"] == nil)
    #expect(counts["s3"] == 90 && counts["s12"] == 360)
    let devCounts = Dictionary(grouping: split.dev, by: \.label).mapValues(\.count)
    #expect(devCounts["s3"] == 9 && devCounts["s12"] == 36)
    #expect(split.dev.count == split.test.count && split.train.count == 8 * split.dev.count)

    var random = SeededRandom(4)
    let again = try PackageDescriptions(
      Self.records.shuffled(using: &random), path: "index", permutation: Self.permutation(seed: 1))
    #expect(again.test.map(\.text) == split.test.map(\.text))
    #expect(again.train.map(\.text) == split.train.map(\.text))
    let other = try PackageDescriptions(
      Self.records, path: "index", permutation: Self.permutation(seed: 2))
    #expect(other.test.map(\.text) != split.test.map(\.text))
  }

  @Test("no section has more examples than the limit")
  func limit() throws {
    let records = (0..<1500).map {
      Record(description: "d\($0)", section: $0 % 2 == 0 ? "a" : "b", line: $0 + 1)
    }
    let split = try PackageDescriptions(records, path: "i", permutation: { Array(0..<$0) })
    #expect(split.train.count == 960 && split.dev.count == 120 && split.test.count == 120)
  }

  @Test("too few packages are refused with the remedy", arguments: [0, 1, 199, 5000])
  func tooFew(count: Int) {
    // 5000 examples of one section are refused too, since there is nothing to distinguish.
    let records = (0..<count).map {
      Record(description: "d\($0)", section: count < 1000 && $0 % 2 == 0 ? "a" : "b", line: 1)
    }
    let error = #expect(throws: FileError.self) {
      try PackageDescriptions(records, path: "i", permutation: { Array(0..<$0) })
    }
    #expect(error?.remedy.contains("apt-get update") == true)
  }

  @Test(
    "the index of this machine",
    .enabled(if: FileManager.default.fileExists(atPath: PackageIndex.statusPath)))
  func machine() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let (records, source) = try PackageIndex.load()
    let loaded = clock.now
    #expect(!records.isEmpty)
    guard
      let split = try? PackageDescriptions(
        records, path: source, permutation: Self.permutation(seed: 1))
    else { return }
    print("\(source): \(records.count) packages, read \(loaded - start)", terminator: ", ")
    print("split \(clock.now - loaded), \(split.train.count) to train")
    let task = try Classification(
      training: TaskReader.Rows(examples: split.train, path: source),
      windows: TextWindows(context: 8))
    _ = try task.targets(of: TaskReader.Rows(examples: split.dev + split.test, path: source))
    #expect(task.labels.count > 1)
  }
}
