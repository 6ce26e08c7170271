extension Tape {
  /// O = s v, head by head, with the score s = q · k / √D + b itself in place of its softmax:
  /// attention without its nonlinearity, in sequences of one token.
  ///
  /// - Shapes: queries [T, H·D], keys and values [T, H_kv·D], or all three side by side in one
  ///   input; O [T, H·D]. Every H / H_kv adjacent heads share a key and a value.
  /// - Saves: its inputs and the scores [T, H].
  /// - Cost: that of a product by elements. It is written for few rows, not for speed.
  /// - Accuracy: inner products in Double, each result rounded once.
  package func scoredValues(
    _ inputs: [Variable], heads: Int, keyValueHeads: Int, headWidth: Int,
    bias: RelativePositionBias? = nil
  ) -> Variable {
    let partition = inputs[0].partition
    precondition(
      (0..<partition.exampleCount).allSatisfy { partition[$0].count == 1 },
      "scoredValues: a sequence is not one token")
    let operation = ScoredValues(
      inputs: inputs.map(\.node), values: inputs.map(\.value.elements),
      shapes: inputs.map(\.value.shape),
      biases: bias.map { bias in
        bias.lookup(for: partition).biases(of: bias.table.value, times: 1).elements
      }, heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth)
    precondition(
      bias?.table.wantsGradient != true, "scoredValues: position biases have no gradient here")
    return output(
      operation.output(), partition, when: inputs.contains(where: \.needsGradient), operation)
  }
}

private struct ScoredValues: Operation {
  static let name = "scoredValues"
  /// The nodes of queries, keys and values, or of the one tensor that holds all three.
  let inputs: [Node?]
  let values: [[Float]]
  let shapes: [Shape]
  /// The bias of every head at distance 0 [H]; nil if there are none.
  let biases: [Float]?
  let heads: Int
  let keyValueHeads: Int
  let headWidth: Int

  private enum Part: Int { case query, key, value }

  private var rows: Int { shapes[0].rows }

  /// The input, and the place in it, of the first number of a head.
  private func place(_ part: Part, row: Int, head: Int) -> (input: Int, start: Int) {
    let own = part == .query ? head : head / (heads / keyValueHeads)
    guard inputs.count == 1 else {
      return (part.rawValue, row * shapes[part.rawValue].columns + own * headWidth)
    }
    let before = [0, heads, heads + keyValueHeads][part.rawValue]
    return (0, row * shapes[0].columns + (before + own) * headWidth)
  }

  /// The numbers of one head, as Doubles.
  private func numbers(_ part: Part, of values: [[Float]], row: Int, head: Int) -> [Double] {
    let (input, start) = place(part, row: row, head: head)
    return values[input][start..<start + headWidth].map(Double.init)
  }

  private func score(row: Int, head: Int) -> Double {
    Self.dot(
      numbers(.query, of: values, row: row, head: head),
      numbers(.key, of: values, row: row, head: head)) * factor + Double(biases?[head] ?? 0)
  }

  /// 1 / √D.
  private var factor: Double { 1 / Double(headWidth).squareRoot() }

  private static func dot(_ x: [Double], _ y: [Double]) -> Double {
    zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// A tensor [T, H·D] of the numbers of every head.
  private func tensor(_ head: (_ row: Int, _ head: Int) -> [Double]) -> Tensor {
    Tensor(
      (0..<rows).flatMap { row in (0..<heads).flatMap { head(row, $0) } }.map { Float($0) },
      shape: [rows, heads * headWidth])
  }

  func output() -> Tensor {
    tensor { row, head in
      let score = score(row: row, head: head)
      return numbers(.value, of: values, row: row, head: head).map { score * $0 }
    }
  }

  func pullBack(_ cotangent: Tensor, on walk: inout ReverseWalk) {
    var gradients = shapes.map { [Double](repeating: 0, count: $0.count) }
    let cotangents = cotangent.elements
    for row in 0..<rows {
      for head in 0..<heads {
        let start = (row * heads + head) * headWidth
        let upstream = cotangents[start..<start + headWidth].map(Double.init)
        func add(_ factor: Double, _ vector: [Double], to part: Part) {
          let (input, start) = place(part, row: row, head: head)
          for (index, number) in vector.enumerated() {
            gradients[input][start + index] += factor * number
          }
        }
        let slope =
          factor * Self.dot(upstream, numbers(.value, of: values, row: row, head: head))
        add(slope, numbers(.key, of: values, row: row, head: head), to: .query)
        add(slope, numbers(.query, of: values, row: row, head: head), to: .key)
        add(score(row: row, head: head), upstream, to: .value)
      }
    }
    for (index, input) in inputs.enumerated() {
      walk.add(Tensor(gradients[index].map { Float($0) }, shape: shapes[index]), to: input)
    }
  }

  func tangent(on walk: ForwardWalk) -> Tensor? {
    let tangents = inputs.map { walk.tangent(of: $0) }
    guard tangents.contains(where: { $0 != nil }) else { return nil }
    let changes = zip(tangents, shapes).map { $0?.elements ?? Tensor(zeros: $1).elements }
    return tensor { row, head in
      func pair(_ part: Part) -> (value: [Double], change: [Double]) {
        (
          numbers(part, of: values, row: row, head: head),
          numbers(part, of: changes, row: row, head: head)
        )
      }
      let (query, key, value) = (pair(.query), pair(.key), pair(.value))
      let change = factor * (Self.dot(query.change, key.value) + Self.dot(query.value, key.change))
      let score = score(row: row, head: head)
      return zip(value.value, value.change).map { change * $0 + score * $1 }
    }
  }
}
