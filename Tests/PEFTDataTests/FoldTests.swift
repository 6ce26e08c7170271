import PEFTData
import PEFTTensor
import Testing

@Suite("Folds")
struct FoldTests {
  private let task = Classification(LabelMap(["a", "b", "c"]))

  /// 40 rows of a, 21 of b and 4 of c; two rows have the same text.
  private var rows: [TextExample] {
    (0..<65).map { index in
      TextExample(
        text: index == 7 ? "row 3" : "row \(index)",
        label: index < 40 ? "a" : index < 61 ? "b" : "c", line: index + 1)
    }
  }

  @Test(
    "every row is in one fold, classes in proportion, and equal texts together", arguments: [2, 5])
  func division(count: Int) throws {
    let rows = rows
    var seen: [Int] = []
    for number in 1...count {
      let split = try #require(
        HoldoutSplit(rows, fold: Fold(number, of: count, seed: 1), as: task))
      #expect(split.isStratified)
      #expect(split.train.count + split.dev.count == 65)
      #expect(Set(split.train.map(\.text)).isDisjoint(with: split.dev.map(\.text)))
      for (label, all) in [("a", 40), ("b", 21), ("c", 4)] {
        let found = split.dev.count { $0.label == label }
        #expect(abs(Double(found) - Double(all) / Double(count)) < 2, "\(label): \(found)")
      }
      seen += split.dev.map(\.line)
    }
    #expect(seen.sorted() == Array(1...65))
  }

  @Test("the seed decides, and the same seed decides the same")
  func seeds() throws {
    func dev(_ seed: UInt64) -> [Int]? {
      HoldoutSplit(rows, fold: Fold(1, of: 5, seed: seed), as: task)?.dev.map(\.line)
    }
    #expect(dev(1) == dev(1) && dev(1) != dev(2))
  }

  @Test("too few texts, and running text, have no folds")
  func refused() {
    let fold = Fold(1, of: 66, seed: 1)
    #expect(HoldoutSplit(rows, fold: fold, as: task) == nil)
    #expect(
      HoldoutSplit(
        rows, fold: Fold(1, of: 2, seed: 1), as: LanguageModelling(TextWindows(context: 8))) == nil)
  }
}
