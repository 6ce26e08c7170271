import PEFTTensor
import Testing

@Suite("Row norms")
struct LowRankNormsTests {
  private func normal(_ shape: Shape, _ purpose: String) -> Tensor {
    OperationProblem.normal(shape, purpose)
  }

  @Test(
    "the norms of W + s B A equal those of the sum in Double",
    arguments: [[1, 1, 1], [5, 9, 3], [33, 61, 7], [130, 40, 17]])
  func sums(extents: [Int]) {
    let (outputs, inputs, rank) = (extents[0], extents[1], extents[2])
    let weight = Parameter(name: "w", value: normal([outputs, inputs], "w"))
    let (down, up) = (normal([rank, inputs], "down"), normal([outputs, rank], "up"))
    let sum = DoubleMatrix(weight.value) + 0.3 * (DoubleMatrix(up) * DoubleMatrix(down))
    let norms = weight.rowNorms(adding: up, down, scale: 0.3, precision: .fp32)
    #expect(norms.shape == [outputs])
    for row in 0..<outputs {
      let expected = sum[row: row].reduce(0) { $0 + $1 * $1 }.squareRoot()
      // Float32 sums of at most 61 products; no row cancels.
      #expect(abs(Double(norms[row]) - expected) < 5e-6 * expected, "row \(row)")
    }
  }

  @Test("while B is zero they are those of W, bit for bit, and they follow W")
  func follows() {
    let weight = Parameter(name: "w", value: normal([6, 11], "w"))
    let (down, up) = (normal([2, 11], "down"), Tensor(zeros: [6, 2]))
    func norms() -> Tensor { weight.rowNorms(adding: up, down, scale: 1, precision: .fp32) }
    #expect(norms().isIdentical(to: weight.value.rowNorms) && norms().sumOfSquares > 1)
    weight.value.scaleColumns(by: normal([11], "factors"))
    #expect(norms().isIdentical(to: weight.value.rowNorms))
  }

  @Test("factors of rows and of columns, and quotients", arguments: [[1, 1], [3, 70], [65, 33]])
  func factors(extents: [Int]) {
    let (rows, columns) = (extents[0], extents[1])
    let x = normal([rows, columns], "x")
    let (left, right) = (normal([rows, 1], "left"), normal([columns], "right"))
    var (byRows, byColumns) = (x, x)
    byRows.scaleRows(by: left)
    byColumns.scaleColumns(by: right)
    for row in 0..<rows {
      for column in 0..<columns {
        let index = row * columns + column
        #expect(byRows.elements[index] == x.elements[index] * left.elements[row])
        #expect(byColumns.elements[index] == x.elements[index] * right.elements[column])
      }
    }
    let quotients = Tensor([6, 1, -3], shape: [3]).divided(by: Tensor([2, 0, 0.5], shape: [3]))
    #expect(quotients.elements == [3, 0, -6])
  }
}
