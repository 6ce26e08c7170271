import PEFTTensor
import Testing

/// Compares every operation with the same function in Double, on the instruction set named by
/// `PEFT_ISA`. Run the suite once for each of `VectorKernels.supported`.
@Suite("Operations")
struct OperationTests {
  @Test("the output equals that of the function in Double", arguments: OperationCase.all)
  func output(operation: OperationCase) {
    let problem = OperationProblem(operation)
    // Float32 sums of at most 35 products of numbers near 1.
    #expect(relativeError(of: problem.forward().output.value, to: problem.reference()) < 2e-6)
  }

  @Test("the tangent is the derivative along a direction", arguments: OperationCase.all)
  func tangent(operation: OperationCase) {
    let problem = OperationProblem(operation)
    let (tape, output) = problem.forward()
    for moving in problem.movements {
      let directions = problem.directions(moving)
      let step = 1e-4
      let difference =
        0.5 / step
        * (problem.reference(along: directions, step: step)
          + -1 * problem.reference(along: directions, step: -step))
      // The truncation error is of order step² = 1e-8; the rest is Float32 rounding.
      let error = relativeError(of: tape.tangent(of: output, along: directions), to: difference)
      #expect(error < 1e-5, "along \(moving)")
    }
  }

  @Test("the pullback is the transpose of the tangent", arguments: OperationCase.all)
  func transpose(operation: OperationCase) {
    let problem = OperationProblem(operation)
    let (tape, output) = problem.forward()
    let cotangent = OperationProblem.cotangent(of: output)
    let gradients = problem.gradients(tape, output, cotangent)
    for moving in problem.movements {
      let directions = problem.directions(moving)
      let tangent = tape.tangent(of: output, along: directions)
      let forward = tangent.dot(cotangent)
      let reverse = moving.reduce(0.0) { sum, index in
        let direction = directions[problem.leaves[index]]
        return sum + (direction.flatMap { gradients[index]?.dot($0) } ?? .nan)
      }
      let size = (tangent.sumOfSquares * cotangent.sumOfSquares).squareRoot()
      #expect(abs(forward - reverse) < 1e-5 * size, "along \(moving): \(forward), \(reverse)")
    }
  }

  @Test("a frozen argument gets no gradient and changes nothing", arguments: OperationCase.all)
  func frozen(operation: OperationCase) {
    let whole = OperationProblem(operation)
    let (wholeTape, wholeOutput) = whole.forward()
    let cotangent = OperationProblem.cotangent(of: wholeOutput)
    let expected = whole.gradients(wholeTape, wholeOutput, cotangent)
    #expect(wholeTape.operationCount == operation.inputs.count + operation.operationCount)

    let leaves = Set(whole.leaves.indices)
    let choices: [Set<Int>] = leaves.map { [$0] } + leaves.map { leaves.subtracting([$0]) }
    for frozen in choices + [leaves] {
      let problem = OperationProblem(operation, frozen: frozen)
      let (tape, output) = problem.forward()
      let recordedInputs = operation.inputs.indices.filter { !frozen.contains($0) }.count
      #expect(output.value.isIdentical(to: wholeOutput.value))
      #expect(output.needsGradient == (frozen != leaves))
      #expect(
        tape.operationCount
          == recordedInputs + (output.needsGradient ? operation.operationCount : 0))

      let gradients = problem.gradients(tape, output, cotangent)
      for (index, gradient) in gradients.enumerated() {
        let wanted = frozen.contains(index) ? nil : expected[index]
        #expect(areIdentical(gradient, wanted), "leaf \(index), frozen \(frozen.sorted())")
      }
      let still = tape.tangent(of: output, along: problem.directions(frozen.sorted()))
      #expect(still.sumOfSquares == 0, "along frozen \(frozen.sorted())")
    }
  }

  @Test(
    "passes repeat bit for bit, and a consuming one ends the tape", arguments: OperationCase.all)
  func repeatable(operation: OperationCase) {
    let problem = OperationProblem(operation)
    let (tape, output) = problem.forward()
    let again = problem.forward()
    let cotangent = OperationProblem.cotangent(of: output)
    let first = problem.gradients(tape, output, cotangent)
    let second = problem.gradients(tape, output, cotangent)
    let consumed = problem.gradients(tape, output, cotangent, consuming: true)
    let other = problem.gradients(again.tape, again.output, cotangent, consuming: true)
    #expect(output.value.isIdentical(to: again.output.value))
    for index in problem.leaves.indices {
      #expect(first[index] != nil)
      for repetition in [second, consumed, other] {
        #expect(areIdentical(first[index], repetition[index]), "leaf \(index)")
      }
    }
    #expect(tape.operationCount == 0)
  }

  @Test("dropout is off without a generator and at probability 0")
  func dropoutOff() {
    let table = Parameter(name: "x", value: OperationProblem.normal([4, 3], "x"))
    for (tape, probability) in [(Tape(), 0.5), (Tape(dropout: OperationCase.dropout), 0)] {
      let x = tape.embeddingSum(
        [(table: table, rows: [3, 1, 0])], partition: RowPartition(lengths: [1, 2]))
      let y = tape.dropout(x, probability: probability)
      #expect(y.value.isIdentical(to: x.value))
      #expect(tape.operationCount == 1)
    }
  }

  @Test("an activation is pulled back in place of its cotangent")
  func inPlace() async {
    // Tensor memory is counted for the whole process.
    await #expect(processExitsWith: .success) {
      for activation in Activation.allCases {
        func parameter(_ name: String, _ shape: Shape) -> Parameter {
          Parameter(name: name, value: OperationProblem.normal(shape, name))
        }
        let (rows, wide) = (2048, 256)
        let tape = Tape()
        let x = Variable(
          constant: OperationProblem.normal([rows, 4], "x"),
          partition: RowPartition(examples: rows))
        let hidden = tape.linear(x, weight: parameter("first", [wide, 4]), activation: activation)
        // Frozen, so that its input need not be recomputed for it.
        let second = parameter("second", [4, wide])
        second.trains = .none
        let y = tape.linear(hidden, weight: second)
        let cotangent = OperationProblem.cotangent(of: y)
        let before = TensorMemory.current.bytesInUse
        TensorMemory.resetPeak()
        tape.pullBack(cotangent, from: y, to: GradientAccumulator())
        let bytes = TensorMemory.current.peakBytesInUse - before
        #expect(bytes < 4 * rows * wide * 3 / 2, "\(activation): \(bytes)")
      }
    }
  }

  private func areIdentical(_ left: Tensor?, _ right: Tensor?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return left.isIdentical(to: right)
  }
}
