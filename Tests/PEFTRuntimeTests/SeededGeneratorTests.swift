import PEFTRuntime
import Testing

@Suite struct SeededGeneratorTests {
  @Test func dependsOnSeedAndPurpose() {
    let generator = SeededGenerator(seed: 1, purpose: "data order")
    #expect(generator == SeededGenerator(seed: 1, purpose: "data order"))
    var keys = Set([
      generator.key, SeededGenerator(seed: 2, purpose: "data order").key,
      SeededGenerator(seed: 1, purpose: "dropout").key, SeededGenerator(seed: 1, purpose: "").key,
      SeededGenerator(seed: 0, purpose: "").key, generator.split("data order").key,
      generator.split("").key,
    ])
    #expect(keys.count == 7)
    for index in -500...500 { keys.insert(generator.split(index).key) }
    #expect(keys.count == 1008)
  }

  /// Checks the documented rule, so that a run's numbers cannot change unnoticed.
  @Test func keyIsStable() {
    #expect(SeededGenerator(seed: 0, purpose: "").key == 0xAEBE_53F8_5CDC_3C4C)
    var generator = SeededGenerator(seed: 42, purpose: "data order")
    #expect(generator.key == 0x83B8_13E2_FD60_836D)
    #expect(generator.split("epoch").key == 0x44A7_9B0C_ECD3_12EA)
    #expect(generator.split(3).key == 0x4C09_BE5F_1340_EA1E)
    #expect(generator.permutation(8) == [0, 1, 2, 3, 4, 5, 7, 6])
  }

  @Test func splittingDoesNotAdvance() {
    var first = SeededGenerator(seed: 5, purpose: "a")
    var second = first
    _ = first.split("b")
    _ = first.split(9)
    #expect(first.next() == second.next())
    #expect(first.next() == second.next())
    #expect(first.split(9) == SeededGenerator(seed: 5, purpose: "a").split(9))
  }

  @Test func drawsThePhiloxStream() {
    var generator = SeededGenerator(seed: 5, purpose: "a")
    for index in 0..<10 as Range<UInt64> {
      let words = Philox.block(index, site: 0, key: generator.key)
      #expect(generator.next() == UInt64(words.x) | UInt64(words.y) << 32)
      #expect(generator.next() == UInt64(words.z) | UInt64(words.w) << 32)
    }
  }

  /// Moments lie within five standard deviations of their expectation.
  @Test func moments() {
    let count = 100_000
    var generator = SeededGenerator(seed: 5, purpose: "moments")
    let uniform = (0..<count).map { _ in generator.uniform() }
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    let root = Double(count).squareRoot()
    #expect(abs(mean(uniform) - 0.5) < 5 * (1.0 / 12).squareRoot() / root)
    #expect(abs(mean(uniform.map { $0 * $0 }) - 1.0 / 3) < 5 * (4.0 / 45).squareRoot() / root)
    let normal = (0..<count).map { _ in generator.normal() }
    #expect(abs(mean(normal)) < 5 / root)
    #expect(abs(mean(normal.map { $0 * $0 }) - 1) < 5 * 2.0.squareRoot() / root)
    #expect(abs(mean(normal.map { $0 * $0 * $0 })) < 5 * 15.0.squareRoot() / root)
    #expect(abs(mean(normal.map { $0 * $0 * $0 * $0 }) - 3) < 5 * 96.0.squareRoot() / root)
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  @Test(arguments: [0, 1, 2, 3, 10, 1000])
  func permutations(count: Int) {
    var generator = SeededGenerator(seed: 5, purpose: "order")
    let order = generator.permutation(count)
    #expect(order.sorted() == Array(0..<count))
    if count == 1000 { #expect(order != generator.permutation(count)) }
  }

  /// All orders of three are equally frequent: χ² with 5 degrees of freedom is below its 0.99999
  /// quantile.
  @Test func permutationsAreUniform() {
    var generator = SeededGenerator(seed: 5, purpose: "orders")
    var counts: [[Int]: Int] = [:]
    for _ in 0..<60_000 { counts[generator.permutation(3), default: 0] += 1 }
    let statistic = counts.values.reduce(0.0) { $0 + (Double($1) - 10_000) * (Double($1) - 10_000) }
    #expect(counts.count == 6)
    #expect(statistic / 10_000 < 31)
  }
}
