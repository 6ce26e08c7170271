import PEFTTensor
import Testing

@Suite("Linear algebra")
struct LinearAlgebraTests {
  @Test("least squares: residuals are orthogonal to the columns")
  func leastSquares() throws {
    var generator = SeededGenerator(seed: 1, purpose: "systems")
    for (rows, columns) in [(1, 1), (4, 2), (7, 7), (30, 5)] {
      let a = (0..<rows * columns).map { _ in generator.normal() }
      let b = (0..<rows).map { _ in generator.normal() }
      let x = try #require(
        LinearAlgebra.leastSquares(matrix: a, rows: rows, columns: columns, rightHandSide: b))
      let residual = (0..<rows).map { row in
        b[row] - (0..<columns).reduce(0) { $0 + a[row * columns + $1] * x[$1] }
      }
      for column in 0..<columns {
        let product = (0..<rows).reduce(0) { $0 + a[$1 * columns + column] * residual[$1] }
        #expect(abs(product) < 1e-12 * Double(rows))
      }
      if rows > columns { #expect(residual.contains { abs($0) > 1e-3 }) }
    }
    #expect(
      LinearAlgebra.leastSquares(
        matrix: [1, 2, 2, 4, 3, 6], rows: 3, columns: 2, rightHandSide: [1, 2, 3]) == nil)
    #expect(
      LinearAlgebra.leastSquares(matrix: [.nan], rows: 1, columns: 1, rightHandSide: [1]) == nil)
  }

  @Test("symmetric systems: A x is b; a matrix that is not positive definite has no solution")
  func symmetric() throws {
    var generator = SeededGenerator(seed: 2, purpose: "systems")
    for order in [1, 2, 5, 20] {
      let root = (0..<order * order).map { _ in generator.normal() }
      let a = (0..<order * order).map { position -> Double in
        let (i, j) = (position / order, position % order)
        let product = (0..<order).reduce(0.0) { $0 + root[i * order + $1] * root[j * order + $1] }
        return product + (i == j ? 0.1 : 0)
      }
      let b = (0..<order).map { _ in generator.normal() }
      let x = try #require(LinearAlgebra.solve(symmetric: a, b))
      for row in 0..<order {
        let product = (0..<order).reduce(0) { $0 + a[row * order + $1] * x[$1] }
        #expect(abs(product - b[row]) < 1e-9)
      }
    }
    #expect(LinearAlgebra.solve(symmetric: [1, 2, 2, 1], [1, 1]) == nil)
    #expect(LinearAlgebra.solve(symmetric: [0], [1]) == nil)
    #expect(LinearAlgebra.solve(symmetric: [.infinity], [1]) == nil)
  }
}
