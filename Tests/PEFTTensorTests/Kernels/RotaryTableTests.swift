import Foundation
import PEFTTensor
import Testing

@Suite("Rotary positions")
struct RotaryTableTests {
  private static let width = 8

  /// A head of ones and zeros, rotated to a position.
  private func turned(_ head: [Float], _ table: RotaryTable, to position: Int) -> [Double] {
    let x = Variable(
      constant: Tensor(head, shape: [1, head.count]), partition: RowPartition(examples: 1))
    return Tape().rotary(x, table, positions: [Int32(position)]).value.elements.map(Double.init)
  }

  @Test("an element of the first half is rotated with its partner in the second")
  func angles() {
    let table = RotaryTable(theta: 10_000, headWidth: Self.width, positionCount: 500)
    #expect(table.headWidth == 8 && table.positionCount == 500)
    for position in [0, 1, 3, 499] {
      for pair in 0..<4 {
        var head = [Float](repeating: 0, count: Self.width)
        head[pair] = 1
        let y = turned(head, table, to: position)
        let angle = Double(position) * pow(10_000, -Double(pair) / 4)
        var expected = [Double](repeating: 0, count: Self.width)
        (expected[pair], expected[pair + 4]) = (cos(angle), sin(angle))
        // The angle is rounded to Float32: up to 2⁻¹⁶ at 499.
        for (value, reference) in zip(y, expected) { #expect(abs(value - reference) < 3e-5) }
      }
    }
  }

  @Test("any frequencies are possible, and the first position rotates nothing")
  func anyFrequencies() {
    let frequencies: [Float] = [0.5, 0.25]
    let table = RotaryTable(inverseFrequencies: frequencies, positionCount: 3)
    let head: [Float] = [1, 2, 3, 4]
    #expect(turned(head, table, to: 0) == head.map(Double.init))
    let y = turned(head, table, to: 2)
    for pair in 0..<2 {
      let angle = 2 * Double(frequencies[pair])
      let (a, b) = (Double(head[pair]), Double(head[pair + 2]))
      #expect(abs(y[pair] - (a * cos(angle) - b * sin(angle))) < 1e-6)
      #expect(abs(y[pair + 2] - (b * cos(angle) + a * sin(angle))) < 1e-6)
    }
  }

  @Test("an inner product of two rotated heads depends only on their distance")
  func distance() {
    let table = RotaryTable(theta: 500, headWidth: Self.width, positionCount: 64)
    let heads = ["q", "k"].map { OperationProblem.normal([Self.width], $0).elements }
    func product(_ first: Int, _ second: Int) -> Double {
      zip(turned(heads[0], table, to: first), turned(heads[1], table, to: second))
        .reduce(0) { $0 + $1.0 * $1.1 }
    }
    for distance in [0, 1, 20] {
      // Eight products of numbers near 1, with angles to 2⁻¹⁹.
      #expect(abs(product(5, 5 + distance) - product(40, 40 + distance)) < 5e-5)
    }
    #expect(abs(product(5, 5) - product(5, 6)) > 1e-2)
  }

  @Test("a position outside the table, or a width that is not a number of heads, is an error")
  func errors() async {
    await #expect(processExitsWith: .failure) { Self.rotate(width: 8, position: 3) }
    await #expect(processExitsWith: .failure) { Self.rotate(width: 8, position: -1) }
    await #expect(processExitsWith: .failure) { Self.rotate(width: 6, position: 0) }
    await #expect(processExitsWith: .success) { Self.rotate(width: 8, position: 2) }
  }

  private static func rotate(width: Int, position: Int32) {
    let x = Variable(constant: Tensor(zeros: [1, width]), partition: RowPartition(examples: 1))
    let table = RotaryTable(theta: 10, headWidth: 4, positionCount: 3)
    _ = Tape().rotary(x, table, positions: [position])
  }
}
