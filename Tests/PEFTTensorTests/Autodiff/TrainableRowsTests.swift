import PEFTTensor
import Testing

@Suite("Trainable rows")
struct TrainableRowsTests {
  private let partition = RowPartition(lengths: [3, 1, 33])
  private var rowCount: Int { partition.rowCount }

  @Test("count and gradient shape are for the rows only")
  func counts() {
    let parameter = Parameter(name: "p", value: Tensor(zeros: [6, 5]))
    #expect(parameter.trains.chosenRows == nil)
    #expect(parameter.trainableCount == 30 && parameter.gradientShape == [6, 5])
    parameter.trains = .rows([0, 3, 5])
    #expect(parameter.trainableCount == 15 && parameter.gradientShape == [3, 5])
    parameter.trains = .none
    #expect(parameter.trainableCount == 0 && !parameter.wantsGradient)
    parameter.trains = .all
    #expect(parameter.trainableCount == 30 && parameter.count == 30)
  }

  @Test("the value of the rows can be read and replaced, the others keep their bits")
  func values() {
    let start = OperationProblem.normal([6, 5], "start")
    let parameter = Parameter(name: "p", value: start)
    #expect(parameter.trainableValue.isIdentical(to: start))
    parameter.trains = .rows([1, 4])
    #expect(parameter.trainableValue.isIdentical(to: start.picking([1, 4])))
    let new = OperationProblem.normal([2, 5], "new")
    parameter.trainableValue = new
    #expect(parameter.value.picking([1, 4]).isIdentical(to: new))
    let others = [0, 2, 3, 5]
    #expect(parameter.value.picking(others).isIdentical(to: start.picking(others)))
    #expect(start.isIdentical(to: OperationProblem.normal([6, 5], "start")))
  }

  @Test(
    "every form of a gradient is restricted to the rows", arguments: [[0, 3, 4], [2], [5, 6]])
  func forms(rows: [Int]) throws {
    let upstream = OperationProblem.normal([rowCount, 7], "upstream")
    let input = OperationProblem.normal([rowCount, 5], "input")
    let table = OperationProblem.normal([7, 5], "dense")
    // Rows 1 and 5 of the table are never read, and row 4 is read only once.
    let hits = (0..<rowCount).map { Int32($0 == 9 ? 4 : [0, 2, 3, 6][$0 % 4]) }
    let forms: [any ParameterGradient] = [
      .outerProduct(upstream: upstream, input: input, scale: 0.5),
      .scatter(upstream: input, rows: hits), .dense(table),
      .examples(OperationProblem.normal([3, 35], "examples"), columns: 5),
    ]
    for factors in forms {
      let whole = Parameter(name: "p", value: Tensor(zeros: [7, 5]))
      let part = Parameter(name: "p", value: Tensor(zeros: [7, 5]))
      part.trains = .rows(rows)
      let (full, restricted) = (GradientAccumulator(), GradientAccumulator())
      for round in 0..<2 {
        for count in 1...3 {
          full.receive(factors, of: whole, partition: partition)
          restricted.receive(factors, of: part, partition: partition)
          let expected = try #require(full[whole]).picking(rows)
          let gradient = try #require(restricted[part])
          #expect(gradient.shape == [rows.count, 5])
          #expect(gradient.relativeError(to: expected) < 1e-6, "round \(round), \(count)")
        }
        let expected = try #require(full[whole]).picking(rows).sumOfSquares.squareRoot()
        let norm = restricted.globalNorm(of: [part])
        #expect(abs(norm - expected) <= 1e-6 * expected)
        full.reset()
        restricted.reset()
        #expect(restricted[part] == nil)
      }
    }
  }

  @Test("rows may change after a reset")
  func change() throws {
    let parameter = Parameter(name: "p", value: Tensor(zeros: [4, 3]))
    let gradient = OperationProblem.normal([4, 3], "gradient")
    let sink = GradientAccumulator()
    for rows in [[0, 2], [1], nil, [3]] {
      parameter.trains = rows.map { .rows($0) } ?? .all
      sink.reset()
      sink.receive(.dense(gradient), of: parameter, partition: partition)
      let expected = rows.map { gradient.picking($0) } ?? gradient
      #expect(try #require(sink[parameter]).isIdentical(to: expected))
    }
  }

  @Test("a tangent along a direction of full shape equals that of the whole matrix")
  func tangent() {
    let weight = Parameter(name: "w", value: OperationProblem.normal([6, 5], "w"))
    let x = Variable(
      constant: OperationProblem.normal([rowCount, 5], "x"), partition: partition)
    let direction = OperationProblem.normal([6, 5], "direction")
    let tangents = [TrainableElements.all, .rows([1, 4])].map { trains in
      weight.trains = trains
      let tape = Tape()
      return tape.tangent(of: tape.linear(x, weight: weight), along: [weight: direction])
    }
    #expect(tangents[0].sumOfSquares > 0)
    #expect(tangents[0].isIdentical(to: tangents[1]))
  }

  @Test("rows that are out of range, unsorted or repeated are refused")
  func refused() async {
    await #expect(processExitsWith: .failure) { matrix.trains = .rows([0, 4]) }
    await #expect(processExitsWith: .failure) { matrix.trains = .rows([-1, 2]) }
    await #expect(processExitsWith: .failure) { matrix.trains = .rows([2, 1]) }
    await #expect(processExitsWith: .failure) { matrix.trains = .rows([1, 1]) }
    await #expect(processExitsWith: .failure) { matrix.trains = .rows([]) }
    await #expect(processExitsWith: .failure) {
      Parameter(name: "bias", value: Tensor(zeros: [4])).trains = .rows([0])
    }
    await #expect(processExitsWith: .success) { matrix.trains = .rows([0, 1, 2, 3]) }
  }

  @Test("rows that change between two contributions are refused")
  func changedTooLate() async {
    await #expect(processExitsWith: .failure) {
      let (sink, parameter) = (GradientAccumulator(), matrix)
      let gradient: any ParameterGradient = .dense(Tensor(zeros: [4, 3]))
      sink.receive(gradient, of: parameter, partition: RowPartition(examples: 1))
      parameter.trains = .rows([1, 2])
      sink.receive(gradient, of: parameter, partition: RowPartition(examples: 1))
    }
  }
}

private var matrix: Parameter { Parameter(name: "matrix", value: Tensor(zeros: [4, 3])) }

extension Tensor {
  /// The rows `numbers` of a matrix, copied one at a time.
  func picking(_ numbers: [Int]) -> Tensor {
    Tensor(
      numbers.flatMap { rows($0..<$0 + 1).elements }, shape: [numbers.count, shape.columns])
  }
}
