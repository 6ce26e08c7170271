import PEFTTensor
import TestSupport
import Testing

@Suite("Exchange of gradients")
struct GradientExchangeTests {
  /// Parameters of every form: a vector, a matrix of several blocks, a table, one of which rows
  /// train and one of which elements train.
  private static func parameters() -> [Parameter] {
    func tensor(_ shape: Shape, _ seed: Int) -> Tensor {
      Tensor((0..<shape.count).map { Float(($0 * 37 + seed) % 101) / 50 - 1 }, shape: shape)
    }
    let parameters = [
      Parameter(name: "vector", value: tensor([7], 1)),
      Parameter(name: "matrix", value: tensor([300, 250], 2)),
      Parameter(name: "table", value: tensor([400, 9], 3), isTable: true),
      Parameter(name: "rows", value: tensor([20, 11], 4)),
      Parameter(name: "elements", value: tensor([30, 10], 5)),
      Parameter(name: "unused", value: tensor([5], 6)),
    ]
    parameters[3].trains = .rows([1, 4, 5])
    parameters[4].trains = .elements(Array(stride(from: 3, to: 300, by: 7)))
    return parameters
  }

  /// The gradients of an atom.
  private static func gradients(_ atom: Int, of parameters: [Parameter]) -> GradientAccumulator {
    let gradients = GradientAccumulator()
    for (number, parameter) in parameters.prefix(5).enumerated() {
      func values(_ shape: Shape) -> Tensor {
        Tensor(
          (0..<shape.count).map { Float(($0 * 53 + atom * 71 + number) % 97) / 9000 - 0.005 },
          shape: shape)
      }
      if parameter.isTable {
        let read = (0..<6).map { Int32((atom * 61 + $0 * 29) % 400) }
        gradients.receive(
          .scatter(upstream: values([6, 9]), rows: read), of: parameter,
          partition: RowPartition(examples: 1))
      } else if number > 0 || atom != 2 {
        gradients.receive(
          .dense(values(parameter.shape)), of: parameter, partition: RowPartition(examples: 1))
      }
    }
    return gradients
  }

  /// The values and the state after two steps of so many processes with five atoms.
  private static func steps(
    _ collective: any Collective, chunk: Int
  ) throws -> (values: [[Float]], norms: [Double], moments: [String: [Float]]) {
    let parameters = parameters()
    let exchange = GradientExchange(for: parameters, over: collective, chunk: chunk)
    var optimizer = AdamW(parameters: parameters, shares: exchange.shares)
    var norms: [Double] = []
    for step in 0..<2 {
      var tree = AtomTree<GradientAccumulator> { $0.add($1) }
      for atom in AtomTree<Void>.atoms(ofRank: collective.rank, of: collective.count, count: 5) {
        tree.append(Self.gradients(5 * step + atom, of: parameters), first: atom)
      }
      let present = try exchange.present(in: tree)
      let slice = try exchange.sums(tree, atoms: 5)
      norms.append(try exchange.norm(of: slice))
      optimizer.step(
        slice, of: exchange, present: present, learningRate: 1e-2, gradientScale: 0.5)
      try exchange.gatherValues()
    }
    let state = try optimizer.state(gatheredBy: exchange)
    return (
      parameters.map(\.value.elements), norms,
      state.slots["meanSquare"]?.mapValues(\.elements) ?? [:]
    )
  }

  @Test("slices updated by any number of processes have the bits of a single optimizer")
  func bits() throws {
    let parameters = Self.parameters()
    var optimizer = AdamW(parameters: parameters)
    var norms: [Double] = []
    for step in 0..<2 {
      var tree = AtomTree<GradientAccumulator> { $0.add($1) }
      for atom in 0..<5 {
        tree.append(Self.gradients(5 * step + atom, of: parameters), first: atom)
      }
      let found = tree.takeSum()
      let sum = try #require(found)
      norms.append(sum.blockNorm(of: parameters))
      optimizer.step(gradients: sum, learningRate: 1e-2, gradientScale: 0.5)
    }
    #expect(norms[0] > 0 && norms[0] != norms[1])
    let values = parameters.map(\.value.elements)
    let moments = optimizer.state.slots["meanSquare"]?.mapValues(\.elements) ?? [:]
    for (count, chunk) in [(1, 1 << 20), (2, 1 << 20), (3, 5000), (5, 997), (8, 1 << 20)] {
      let all = try ThreadedRanks.run(count) { collective in
        let found = try Self.steps(collective, chunk: chunk)
        return (found.values, found.norms, found.moments)
      }.results
      for (rank, found) in all.enumerated() {
        #expect(found.0 == values, "values of rank \(rank) of \(count)")
        #expect(found.1 == norms, "norms of rank \(rank) of \(count)")
        #expect(found.2 == moments, "moments of rank \(rank) of \(count)")
      }
    }
  }

  @Test("slices are disjoint, cover everything and are about equal")
  func slices() throws {
    let all = try ThreadedRanks.run(4) { collective in
      let exchange = GradientExchange(for: Self.parameters(), over: collective)
      return Dictionary(uniqueKeysWithValues: exchange.shares.map { ($0.key.name, $0.value) })
    }.results
    let parameters = Self.parameters()
    let whole = parameters.reduce(0) { $0 + $1.trainableCount }
    for parameter in parameters {
      let ranges = all.compactMap { $0[parameter.name] }
      #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == parameter.trainableCount)
      for (range, next) in zip(ranges, ranges.dropFirst()) {
        #expect(range.upperBound == next.lowerBound)
      }
    }
    for shares in all {
      // The largest block has 32,768 elements.
      #expect(shares.values.reduce(0) { $0 + $1.count } <= whole / 4 + 1 << 15)
    }
  }

  @Test("a gradient that is not finite is found by all processes")
  func broken() throws {
    let names = try ThreadedRanks.run(3) { collective in
      let parameters = Self.parameters()
      let exchange = GradientExchange(for: parameters, over: collective)
      var tree = AtomTree<GradientAccumulator> { $0.add($1) }
      let gradients = Self.gradients(collective.rank, of: parameters)
      if collective.rank == 2 {
        gradients.receive(
          .dense(Tensor(repeating: .infinity, shape: [20, 11])), of: parameters[3],
          partition: RowPartition(examples: 1))
      }
      tree.append(gradients, first: collective.rank)
      let slice = try exchange.sums(tree, atoms: 3)
      #expect(try !exchange.norm(of: slice).isFinite)
      return try exchange.firstBroken(in: slice)?.name ?? ""
    }.results
    #expect(names == ["rows", "rows", "rows"])
  }
}
