import PEFTTensor
import Testing

@Suite("Tensor")
struct TensorTests {
  private let original = Tensor((0..<12).map(Float.init), shape: [4, 3])

  @Test("copies and views do not see later writes to the tensor")
  func writesToTheTensor() {
    var tensor = Tensor(original.elements, shape: [4, 3])
    let views = [tensor, tensor.reshaped(to: [2, 6]), tensor.rows(1..<3), tensor.rows(4..<4)]
    let before = views.map(\.elements)
    tensor.withUnsafeMutableElements { $0[4] = -1 }
    #expect(views.map(\.elements) == before)
    #expect(tensor[1, 1] == -1)
    #expect(tensor.elements.filter { $0 != -1 }.count == 11)
  }

  @Test("the tensor does not see writes to copies and views")
  func writesToViews() {
    let views = [original, original.reshaped(to: [12]), original.rows(2..<4)]
    for view in views {
      var written = view
      written.withUnsafeMutableElements { $0.update(repeating: 7) }
      #expect(written.elements == Array(repeating: 7, count: view.count))
      #expect(original.elements == (0..<12).map(Float.init))
    }
    #expect(views[2].elements == [6, 7, 8, 9, 10, 11])
  }

  @Test("arithmetic in place leaves copies unchanged, also for a sum with itself")
  func arithmetic() {
    var tensor = original
    tensor.add(tensor, scaledBy: 2)
    #expect(tensor.elements == (0..<12).map { 3 * Float($0) })
    var last = original.rows(3..<4)
    last.add(original.rows(0..<1), scaledBy: 10)
    #expect(last.elements == [9, 20, 31])
    #expect(original.elements == (0..<12).map(Float.init))
  }

  @Test("a write to an unshared tensor makes no copy")
  func writesInPlace() {
    var tensor = Tensor(original.elements, shape: [4, 3])
    let address = tensor.withUnsafeElements { $0.baseAddress }
    tensor.withUnsafeMutableElements { $0[0] = 5 }
    #expect(tensor.withUnsafeElements { $0.baseAddress } == address)
    let copy = tensor
    tensor.withUnsafeMutableElements { $0[0] = 6 }
    #expect(tensor.withUnsafeElements { $0.baseAddress } != address)
    #expect(copy[0, 0] == 5)
  }

  @Test("comparison by bits and by norm")
  func comparison() {
    let zeros = Tensor([0, .nan], shape: [2])
    #expect(zeros.isIdentical(to: Tensor([0, .nan], shape: [2])))
    #expect(!zeros.isIdentical(to: Tensor([-0.0, .nan], shape: [2])))
    #expect(!zeros.isIdentical(to: zeros.reshaped(to: [1, 2])))
    #expect(Tensor([3, 4.5], shape: [2]).relativeError(to: Tensor([3, 4], shape: [2])) == 0.1)
    let still = Tensor(zeros: [2])
    #expect(still.relativeError(to: still) == 0)
    #expect(Tensor([0, 1], shape: [2]).relativeError(to: still) == .infinity)
    #expect(zeros.relativeError(to: zeros) == .infinity)
  }

  @Test("sums, products and finiteness over many blocks", arguments: [0, 1, 33, 32768, 100_001])
  func reductions(count: Int) {
    let x = OperationProblem.normal([count], "x")
    let y = OperationProblem.normal([count], "y")
    let (mine, theirs) = (x.elements.map(Double.init), y.elements.map(Double.init))
    let squares = mine.reduce(0) { $0 + $1 * $1 }
    let products = zip(mine, theirs).reduce(0) { $0 + $1.0 * $1.1 }
    // Sums in Double, which differ only in their order.
    #expect(abs(x.sumOfSquares - squares) <= 1e-12 * squares)
    #expect(abs(x.dot(y) - products) <= 1e-12 * squares)
    #expect(x.isFinite)
    for position in Set([0, count / 2, count - 1]) where count > 0 {
      for value in [Float.nan, .infinity, -.infinity] {
        var broken = x
        broken.withUnsafeMutableElements { $0[position] = value }
        #expect(!broken.isFinite, "\(value) at \(position)")
      }
    }
  }
}
