import PEFTTensor
import Testing

@Suite("Singular vectors")
struct SingularVectorsTests {
  private static func normal(_ shape: Shape, _ purpose: String) -> Tensor {
    var draws = SeededGenerator(seed: 5, purpose: purpose)
    return Tensor(normal: shape, standardDeviation: 1, using: &draws)
  }

  /// Σ_k σ_k u_k v_kᵀ [m, n] for orthonormal rows u and v.
  private static func matrix(_ left: Tensor, _ values: [Double], _ right: Tensor) -> Tensor {
    let (rows, columns) = (left.shape.columns, right.shape.columns)
    return Tensor(
      (0..<rows * columns).map { position in
        let (i, j) = (position / columns, position % columns)
        return Float(
          values.indices.reduce(0.0) { sum, k in
            sum + values[k] * Double(left[k, i]) * Double(right[k, j])
          })
      }, shape: [rows, columns])
  }

  /// The absolute inner products of the rows of two matrices with their own partners, and the
  /// largest with another.
  private static func products(_ one: Tensor, _ other: Tensor) -> (own: Double, others: Double) {
    var (own, others) = (Double.infinity, 0.0)
    for i in 0..<one.shape.rows {
      for j in 0..<other.shape.rows {
        let product = abs(one.rows(i..<i + 1).dot(other.rows(j..<j + 1)))
        if i == j { own = min(own, product) } else { others = max(others, product) }
      }
    }
    return (own, others)
  }

  @Test(
    "the first vectors of a matrix made of known ones are those, in order",
    arguments: [(13, 29), (29, 13), (70, 40), (5, 5)])
  func known(rows: Int, columns: Int) throws {
    let rank = min(rows, columns)
    let left = try #require(Self.normal([rank, rows], "left").orthonormalRows)
    let right = try #require(Self.normal([rank, columns], "right").orthonormalRows)
    let matrix = Self.matrix(left, (0..<rank).map { 3 / Double(1 << min($0, 20)) }, right)
    let generator = SeededGenerator(seed: 1, purpose: "subspace")
    let found = try #require(matrix.leadingSingularVectors(4, using: generator))
    #expect(found.left.shape == [4, rows] && found.right.shape == [4, columns])
    for (mine, theirs) in [(found.left, left), (found.right, right)] {
      // Each singular value is half of the one before, so a vector is determined to a few
      // roundings of Float32 times 8.
      let products = Self.products(mine, theirs.rows(0..<4))
      #expect(products.own > 1 - 1e-5 && products.others < 1e-5, "\(products)")
      let own = Self.products(mine, mine)
      #expect(own.own > 1 - 1e-6 && own.others < 1e-6)
    }
    // Left and right vectors belong together: u A v is the singular value, with its sign.
    for k in 0..<4 {
      let image = (0..<rows).reduce(0.0) { sum, i in
        sum + Double(found.left[k, i])
          * matrix.rows(i..<i + 1).reshaped(to: [columns]).dot(
            found.right.rows(k..<k + 1).reshaped(to: [columns]))
      }
      #expect(abs(image - 3 / Double(1 << k)) < 1e-5, "\(k)")
    }
  }

  @Test("bases are complete below the full rank, even of zeros; NaN has none")
  func incomplete() throws {
    let generator = SeededGenerator(seed: 1, purpose: "subspace")
    let single = Self.matrix(
      try #require(Self.normal([1, 9], "left").orthonormalRows), [2],
      try #require(Self.normal([1, 12], "right").orthonormalRows))
    for matrix in [single, Tensor(zeros: [9, 12])] {
      let found = try #require(matrix.leadingSingularVectors(6, using: generator))
      for vectors in [found.left, found.right] {
        let products = Self.products(vectors, vectors)
        #expect(products.own > 1 - 1e-6 && products.others < 1e-6)
      }
    }
    let broken = Tensor(repeating: .nan, shape: [3, 3])
    #expect(broken.leadingSingularVectors(1, using: generator) == nil)
    #expect(broken.orthonormalRows == nil)
  }

  @Test("the vectors are the same bits for any number of workers")
  func workers() async {
    await #expect(processExitsWith: .success) {
      let matrix = SingularVectorsTests.normal([600, 500], "matrix")
      func found(_ workers: Int) throws -> Tensor {
        WorkerPool.useWorkers(workers)
        let generator = SeededGenerator(seed: 1, purpose: "subspace")
        return try #require(matrix.leadingSingularVectors(8, using: generator)).left
      }
      let expected = try found(1)
      for workers in [2, 3] { #expect(try found(workers).isIdentical(to: expected)) }
    }
  }
}
