import PEFTData
import TestSupport
import Testing

@Suite("Holding out dev data")
struct HoldoutTests {
  private static let task = Classification(LabelMap(["a", "b", "c", "d"]))

  /// Random rows of uneven classes, some of which have equal texts.
  private static func rows(_ random: inout SeededRandom, repeats: Bool) -> [TextExample] {
    (0..<Int.random(in: 60...400, using: &random)).map { number in
      let label = ["a", "a", "a", "a", "b", "b", "c"][Int.random(in: 0..<7, using: &random)]
      let text = repeats ? Int.random(in: 0..<200, using: &random) : number
      return TextExample(text: "t\(text)", label: label, line: number + 1)
    }
  }

  private static func counts(_ rows: [TextExample]) -> [String: Int] {
    rows.reduce(into: [:]) { $0[$1.label ?? "", default: 0] += 1 }
  }

  @Test("the parts are disjoint, complete, in order, and the same every time", arguments: 1...20)
  func parts(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let rows = Self.rows(&random, repeats: seed.isMultiple(of: 2))
    let share = Double.random(in: 0.05...0.5, using: &random)
    let split = try #require(HoldoutSplit(rows, .share(share), as: Self.task))
    let lines = (split.train.map(\.line), split.dev.map(\.line))
    #expect(lines.0 == lines.0.sorted() && lines.1 == lines.1.sorted())
    #expect((lines.0 + lines.1).sorted() == rows.map(\.line), "seed \(seed)")
    #expect(Set(split.train.map(\.text)).isDisjoint(with: split.dev.map(\.text)), "seed \(seed)")
    #expect(Set(split.train.map(\.label)) == Set(rows.map(\.label)))
    let again = try #require(HoldoutSplit(rows, .share(share), as: Self.task))
    #expect(again.dev == split.dev)
  }

  @Test("every class loses its share, within one row", arguments: 1...20)
  func strata(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let rows = Self.rows(&random, repeats: false)
    let wanted = Int.random(in: 1...rows.count / 2, using: &random)
    let split = try #require(HoldoutSplit(rows, .count(wanted), as: Self.task))
    #expect(split.dev.count == wanted && split.isStratified, "seed \(seed)")
    let (all, held) = (Self.counts(rows), Self.counts(split.dev))
    for (label, count) in all {
      let quota = Double(wanted * count) / Double(rows.count)
      #expect(abs(Double(held[label] ?? 0) - quota) < 1, "seed \(seed), \(label)")
    }
  }

  @Test("the last lines of a text are held out, whatever ends them", arguments: ["\n", "\r\n"])
  func runningText(end: String) throws {
    let text = (1...20).map { "line \($0)\(end)" }.joined()
    let split = try #require(
      HoldoutSplit(
        [TextExample(text: text, line: 1)], .count(5),
        as: LanguageModelling(TextWindows(context: 8))))
    #expect(split.train.map(\.text) == [(1...15).map { "line \($0)\(end)" }.joined()])
    #expect(split.dev.map(\.text) == [(16...20).map { "line \($0)\(end)" }.joined()])
    #expect(split.dev.map(\.line) == [16])
  }

  @Test("a class with one row keeps it, also where half of the rows are held out")
  func rareClass() throws {
    var rows = (1...99).map {
      TextExample(text: "t\($0)", label: "ab".map(String.init)[$0 % 2], line: $0)
    }
    rows.append(TextExample(text: "t0", label: "c", line: 100))
    for holdout in [Holdout.auto, .share(0.5), .count(90)] {
      let split = try #require(HoldoutSplit(rows, holdout, as: Self.task))
      #expect(split.train.contains { $0.label == "c" }, "\(holdout)")
      #expect(!split.dev.contains { $0.label == "c" }, "\(holdout)")
    }
    // A text with two labels takes both along, so it stays where one of them would be lost.
    rows[99] = TextExample(text: "t1", label: "c", line: 100)
    for count in 1...60 {
      let split = try #require(HoldoutSplit(rows, .count(count), as: Self.task))
      #expect(Set(split.train.compactMap(\.label)) == ["a", "b", "c"], "\(count)")
    }
  }

  @Test("completions of one prompt stay together; other rows are held out at random")
  func groups() throws {
    let rows = (0..<200).map {
      TextExample(text: "prompt \($0 / 4)", pair: "answer \($0)", line: $0 + 1)
    }
    let split = try #require(HoldoutSplit(rows, .auto, as: Completion()))
    #expect(split.dev.count == 20 && !split.isStratified)
    #expect(Set(split.train.map(\.text)).isDisjoint(with: split.dev.map(\.text)))
    let scores = (0..<100).map {
      TextExample(text: "t\($0)", label: "\(Double($0) / 8)", line: $0 + 1)
    }
    let random = try #require(HoldoutSplit(scores, .count(10), as: Regression()))
    #expect(random.dev.count == 10 && !random.isStratified)
    #expect(random.dev.map(\.line) != Array(91...100) && random.dev.map(\.line) != Array(1...10))
  }

  @Test("where every text repeats more often than the share, one text is held out")
  func repeatedTexts() throws {
    let rows = (0..<64).map {
      TextExample(text: "t\($0 % 8)", label: $0.isMultiple(of: 2) ? "a" : "b", line: $0 + 1)
    }
    let split = try #require(HoldoutSplit(rows, .share(0.1), as: Self.task))
    #expect(split.dev.count == 8 && Set(split.dev.map(\.text)).count == 1)
    #expect(Set(split.train.map(\.label)) == ["a", "b"])
    #expect(Set(split.train.map(\.text)).isDisjoint(with: split.dev.map(\.text)))
  }

  @Test("a running text loses its last lines")
  func runningText() throws {
    let text = (1...100).map { "line \($0)\n" }.joined()
    let task = LanguageModelling(TextWindows(context: 8))
    let split = try #require(
      HoldoutSplit([TextExample(text: text, line: 1)], .auto, as: task))
    #expect(split.train.map(\.text).joined() + split.dev.map(\.text).joined() == text)
    #expect(split.dev[0].text.hasPrefix("line 91\n") && split.dev[0].line == 91)
  }

  @Test("too few rows give none")
  func fewRows() {
    let rows = (1...49).map {
      TextExample(text: "t\($0)", label: "ab".map(String.init)[$0 % 2], line: $0)
    }
    #expect(HoldoutSplit(rows, .auto, as: Self.task) == nil)
    #expect(HoldoutSplit(rows, .count(49), as: Self.task) == nil)
    #expect(HoldoutSplit(rows, .count(5), as: Self.task)?.dev.count == 5)
    let equal = rows.map { TextExample(text: "t", label: $0.label, line: $0.line) }
    #expect(HoldoutSplit(equal, .count(5), as: Self.task) == nil)
  }

  @Test(
    "the syntax",
    arguments: [
      ("auto", Holdout.auto), ("0.1", .share(0.1)), ("10%", .share(0.1)), ("12", .count(12)),
      ("0", nil), ("1.5", nil), ("100%", nil), ("-1", nil), ("many", nil), ("nan", nil), ("", nil),
    ] as [(String, Holdout?)])
  func syntax(text: String, expected: Holdout?) {
    #expect(Holdout(text) == expected)
  }
}
