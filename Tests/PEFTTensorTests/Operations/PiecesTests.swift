import PEFTTensor
import Testing

@Suite("Computing in pieces")
struct PiecesTests {
  private static let lengths = [3, 1, 0, 9, 2, 2, 4, 0]

  @Test("give the same as the whole, and no piece is larger than requested", arguments: 1...22)
  func pieces(rows: Int) {
    let partition = RowPartition(lengths: Self.lengths)
    let x = Variable(
      constant: OperationProblem.normal([partition.rowCount, 8], "x"), partition: partition)
    let tape = Tape()
    func body(_ x: Variable) -> Variable {
      tape.attention(queries: x, keys: x, values: x, heads: 2)
    }
    var seen: [[Int]] = []
    let y = tape.inPieces(x, ofRows: rows) { piece in
      seen.append((0..<piece.partition.exampleCount).map { piece.partition[$0].count })
      return body(piece)
    }
    #expect(y.value.relativeError(to: body(x).value) < 1e-6)
    #expect(y.partition == partition)
    #expect(Array(seen.joined()) == Self.lengths)
    for piece in seen {
      let size = piece.reduce(0, +)
      #expect(size > 0 && (size <= rows || piece.filter { $0 > 0 }.count == 1))
    }
  }

  @Test("are about equal in size")
  func equal() {
    let partition = RowPartition(lengths: Array(repeating: 5, count: 206))
    let x = Variable(constant: Tensor(zeros: [1030, 1]), partition: partition)
    var seen: [Int] = []
    _ = Tape().inPieces(x, ofRows: 1024) {
      seen.append($0.partition.rowCount)
      return $0
    }
    #expect(seen == [515, 515])
  }

  @Test("of nothing are nothing")
  func empty() {
    let x = Variable(
      constant: Tensor(zeros: [0, 4]), partition: RowPartition(lengths: [Int]()))
    #expect(Tape().inPieces(x, ofRows: 2) { $0 }.value.shape == [0, 4])
  }
}
