import Foundation
import PEFTTensor
import Testing

@Suite("Trainable elements that grow during training")
struct GrowingStateTests {
  private static let shapes: [Shape] = [[37, 13], [5], [60, 3]]

  private static func parameters() -> [Parameter] {
    shapes.enumerated().map { index, shape in
      let parameter = Parameter(
        name: "p\(index)", value: OperationProblem.normal(shape, "p\(index)"))
      parameter.trains = .none
      parameter.wantsWholeGradient = true
      return parameter
    }
  }

  /// The gradients of a step. The last parameter is a table, with gradients for only some of its
  /// rows.
  private static func gradients(_ parameters: [Parameter], step: Int) -> GradientAccumulator {
    let sink = GradientAccumulator()
    for parameter in parameters.dropLast() {
      sink.receive(
        .dense(OperationProblem.normal(parameter.shape, "\(parameter.name) \(step)")),
        of: parameter, partition: RowPartition(examples: 1))
    }
    sink.receive(
      .scatter(
        upstream: OperationProblem.normal([4, 3], "table \(step)"),
        rows: [7, 2, 7, Int32(20 + step)]),
      of: parameters[2], partition: RowPartition(examples: 4))
    return sink
  }

  /// The ratio of every element that does not train, computed by brute force.
  private static func ratios(
    _ parameters: [Parameter], _ sink: GradientAccumulator, exponent: Float
  ) throws -> [(ratio: Float, parameter: Int, position: Int)] {
    var all: [(ratio: Float, parameter: Int, position: Int)] = []
    for (index, parameter) in parameters.enumerated() {
      let (gradient, value) = (try #require(sink[parameter]).elements, parameter.value.elements)
      let chosen = Set(parameter.trains.chosenElements ?? [])
      for position in gradient.indices where !chosen.contains(position) && gradient[position] != 0 {
        let size = abs(value[position]) + 0.5
        all.append((abs(gradient[position]) / (exponent == 0 ? 1 : size), index, position))
      }
    }
    return all.sorted { $0.ratio > $1.ratio }
  }

  @Test("the elements with the largest ratios are chosen", arguments: [0.0, 1.0])
  func largest(exponent: Double) throws {
    let parameters = Self.parameters()
    for step in 0..<6 {
      let sink = Self.gradients(parameters, step: step)
      let wanted = try Self.ratios(parameters, sink, exponent: Float(exponent)).prefix(17)
      let chosen = sink.largestRatios(17, among: parameters, epsilon: 0.5, exponent: exponent)
      for (index, positions) in chosen.enumerated() {
        #expect(positions == wanted.filter { $0.parameter == index }.map(\.position).sorted())
        guard !positions.isEmpty else { continue }
        parameters[index].trains = .elements(
          ((parameters[index].trains.chosenElements ?? []) + positions).sorted())
      }
    }
    #expect(parameters.reduce(0) { $0 + $1.trainableCount } == 6 * 17)
    #expect(
      Self.gradients(parameters, step: 0).largestRatios(
        10_000, among: parameters, epsilon: 0.5, exponent: 1
      ).joined().count < 10_000)
  }

  @Test(
    "those of a large tensor, with ties, are the ones that sorting finds", arguments: [7, 9_000])
  func largestOfMany(count: Int) {
    let size = 10 * 65_536 + 77
    var draws = SeededGenerator(seed: 5, purpose: "gradient")
    let gradient = (0..<size).map { _ in Float(Int(draws.uniform() * 5_000) - 2_500) }
    let parameter = Parameter(name: "p", value: Tensor(zeros: [size]))
    parameter.trains = .elements([0, 1, size - 1])
    parameter.wantsWholeGradient = true
    let sink = GradientAccumulator()
    sink.receive(
      .dense(Tensor(gradient, shape: [size])), of: parameter,
      partition: RowPartition(examples: 1))
    let order = gradient.indices.sorted {
      (abs(gradient[$0]), $1) > (abs(gradient[$1]), $0)
    }
    for ofAll in [false, true] {
      let wanted = order.filter { ofAll || ![0, 1, size - 1].contains($0) }.prefix(count)
      let found = sink.largestRatios(
        count, among: [parameter], ofAll: ofAll, epsilon: 1, exponent: 0)
      #expect(found == [wanted.sorted()])
    }
  }

  @Test("growing sparse state gives the bits of dense AdamW under a mask")
  func masked() throws {
    let (sparse, dense) = (Self.parameters(), Self.parameters())
    for parameter in dense { parameter.trains = .all }
    let start = sparse.map(\.value)
    var settings = AdamW.Settings()
    // In the dense run, weight decay would apply to every element.
    settings.weightDecay = 0
    var optimizer = AdamW(parameters: sparse, settings: settings)
    var twin = AdamW(parameters: dense, settings: settings)
    for step in 0..<12 {
      let sink = Self.gradients(sparse, step: step)
      let added = sink.largestRatios(9, among: sparse, epsilon: 0.5, exponent: 1)
      for (parameter, positions) in zip(sparse, added) where !positions.isEmpty {
        parameter.trains = .elements(
          ((parameter.trains.chosenElements ?? []) + positions).sorted())
        optimizer.change(parameter)
      }
      let masked = GradientAccumulator()
      for (parameter, other) in zip(sparse, dense) {
        let gradient = try #require(sink[parameter]).elements
        var kept = [Float](repeating: 0, count: gradient.count)
        for position in parameter.trains.chosenElements ?? [] {
          kept[position] = gradient[position]
        }
        masked.receive(
          .dense(Tensor(kept, shape: other.shape)), of: other,
          partition: RowPartition(examples: 1))
      }
      // Saving a state and reading it back does not change it.
      if step == 6 {
        var next = AdamW(parameters: sparse, settings: settings)
        next.state = optimizer.state
        optimizer = next
      }
      optimizer.step(gradients: sink, learningRate: 0.1, gradientScale: 0.7)
      twin.step(gradients: masked, learningRate: 0.1, gradientScale: 0.7)
      for (parameter, other) in zip(sparse, dense) {
        #expect(parameter.value.isIdentical(to: other.value), "step \(step), \(parameter.name)")
      }
    }
    #expect(sparse.reduce(0) { $0 + $1.trainableCount } == 12 * 9)
    for (parameter, value) in zip(sparse, start) {
      let changed = zip(parameter.value.elements, value.elements).filter { $0 != $1 }.count
      #expect(changed <= parameter.trainableCount)
      #expect(parameter.trainableCount == 0 || changed > 0)
    }
  }

  @Test("elements of the same age as the optimizer train as without ages, bit for bit")
  func equalAges() throws {
    let (single, twin) = (Self.parameters(), Self.parameters())
    for parameter in single + twin {
      parameter.trains = .elements(Array(stride(from: 0, to: parameter.count, by: 2)))
    }
    var optimizer = AdamW(parameters: single, correctsByAge: true)
    var other = AdamW(parameters: twin)
    for step in 0..<7 {
      if step == 3 {
        var next = AdamW(parameters: single)
        next.state = optimizer.state
        optimizer = next
      }
      optimizer.step(
        gradients: Self.gradients(single, step: step), learningRate: 0.1, gradientScale: 1)
      other.step(gradients: Self.gradients(twin, step: step), learningRate: 0.1, gradientScale: 1)
      for (one, two) in zip(single, twin) { #expect(one.value.isIdentical(to: two.value)) }
    }
    #expect(optimizer.state.slots["age"]?["p0"]?.elements.allSatisfy { $0 == 7 } == true)
    #expect(other.state.slots["age"] == nil && other.state.counters["correctsByAge"] == nil)
  }

  @Test(
    "a late element's first step is one learning rate long with its own age, and longer without")
  func lateElement() {
    func firstStep(correctsByAge: Bool) -> Float {
      let parameter = Parameter(name: "p", value: Tensor(zeros: [2]))
      parameter.trains = .elements([0])
      var settings = AdamW.Settings()
      settings.weightDecay = 0
      var optimizer = AdamW(
        parameters: [parameter], settings: settings, correctsByAge: correctsByAge)
      for step in 0...500 {
        if step == 500 {
          parameter.trains = .elements([0, 1])
          optimizer.change(parameter)
        }
        let sink = GradientAccumulator()
        sink.receive(
          .dense(Tensor([1, 1], shape: [2])), of: parameter, partition: RowPartition(examples: 1))
        optimizer.step(gradients: sink, learningRate: 0.01, gradientScale: 1)
      }
      return parameter.value.elements[1] / -0.01
    }
    #expect(abs(firstStep(correctsByAge: true) - 1) < 1e-5)
    // (1 − β₁)/(1 − β₁ᵗ) over the root of (1 − β₂)/(1 − β₂ᵗ), with t = 501.
    let expected = 0.1 / (1e-3 / (1 - pow(0.999, 501))).squareRoot()
    #expect(abs(Double(firstStep(correctsByAge: false)) / expected - 1) < 1e-4)
    #expect(expected > 1.9)
  }

  @Test("elements that are no longer chosen retire, and those chosen again return")
  func retired() {
    let parameter = Parameter(name: "p", value: OperationProblem.normal([8], "p"))
    parameter.trains = .elements([1, 4])
    parameter.retrain([4, 6])
    #expect(parameter.trains == .elements([4, 6]) && parameter.retired == [1])
    parameter.retrain([1])
    #expect(parameter.trains == .elements([1]) && parameter.retired == [4, 6])
    #expect(parameter.recorded == .elements([1, 4, 6]) && parameter.recordedCount == 3)
    parameter.recordedValue = Tensor([10, 20, 30], shape: [3])
    #expect(parameter.value.elements[1] == 10 && parameter.value.elements[6] == 30)
    parameter.retrain([])
    #expect(parameter.trains == .none && parameter.recorded == .elements([1, 4, 6]))
    #expect([1, 3, 5].merged(with: [2, 3, 9]) == [1, 2, 3, 5, 9])
    #expect([1, 3, 5].subtracting([0, 3, 9]) == [1, 5] && [Int]().merged(with: []).isEmpty)
  }

  @Test("elements that stop training lose their state, and the others keep theirs")
  func shrinks() throws {
    let parameter = Parameter(name: "p", value: OperationProblem.normal([6], "p"))
    parameter.trains = .elements([0, 2, 5])
    var optimizer = AdamW(parameters: [parameter])
    let sink = GradientAccumulator()
    sink.receive(
      .dense(Tensor([1, 2, 3, 4, 5, 6], shape: [6])), of: parameter,
      partition: RowPartition(examples: 1))
    optimizer.step(gradients: sink, learningRate: 0.1, gradientScale: 1)
    let before = try #require(optimizer.state.slots["mean"]?["p"]).elements
    parameter.trains = .elements([1, 2])
    optimizer.change(parameter)
    #expect(optimizer.state.slots["mean"]?["p"]?.elements == [0, before[1]])
  }
}
