/// The exchange of a step's gradients, and of what follows from them, between processes.
///
///     1. every process receives the nodes (`AtomTree`) of all atoms for its slice and adds them
///     2. it updates its slice, or all receive the sums of all slices
///     3. every process receives the new values of all slices
///
/// The sums have the bits of a single process with the same atoms, because whoever adds follows the
/// tree. With as many nodes as processes, a process sends and receives 2 (P − 1) / P numbers for
/// each element that trains.
package struct GradientExchange {
  private let collective: any Collective
  private let layout: GradientLayout
  /// The number of elements of a slice that are sent at once, which bounds the buffers.
  private let chunk: Int

  /// The largest number of elements that a process sends or receives at once if it has
  /// `mostNodes`; MPI carries 2 GiB.
  private static let largestExchange = 1 << 28
  /// No process has more nodes: two for each level of a tree of a million atoms.
  private static let mostNodes = 40

  /// The exchange of the gradients of `parameters`, in their `gradientShape`.
  package init(
    for parameters: [Parameter], over collective: any Collective, chunk: Int = 1 << 20
  ) {
    self.collective = collective
    self.chunk = max(1, min(chunk, Self.largestExchange / (Self.mostNodes * collective.count)))
    layout = GradientLayout(
      parameters.map { ($0, $0.wantsGradient ? $0.gradientShape.count : 0) },
      processes: collective.count)
  }

  /// The parameters that have a gradient in any process.
  ///
  /// - Parameter tree: the sums over the atoms of this process.
  package func present(in tree: AtomTree<GradientAccumulator>) throws -> Set<Parameter> {
    let parameters = layout.segments.map(\.parameter)
    let all = try collective.gather(
      parameters.map { parameter in
        tree.nodes.contains { $0.sum.has(parameter) } ? 1 : 0
      })
    return Set(
      parameters.enumerated().filter { index, _ in all.contains { $0[index] > 0 } }.map(\.element))
  }

  /// The parameters with gradients, in order.
  var parameters: [Parameter] { layout.segments.filter { !$0.range.isEmpty }.map(\.parameter) }

  /// The pieces of this process's slice.
  var ownPieces: [GradientLayout.Piece] {
    var pieces: [GradientLayout.Piece] = []
    layout.forPieces(of: layout.slices[collective.rank]) { pieces.append($0) }
    return pieces
  }

  /// The elements of each parameter, within its trainable ones, that this process updates.
  package var shares: [Parameter: Range<Int>] {
    Dictionary(uniqueKeysWithValues: ownPieces.map { ($0.parameter, $0.range) })
  }

  /// The sums over the atoms of all processes, for the slice of this one.
  ///
  /// - Parameter atoms: the number of atoms, which `AtomTree.atoms` divided among the processes.
  package func sums(_ tree: AtomTree<GradientAccumulator>, atoms: Int) throws -> [Float] {
    let nodes = (0..<collective.count).map { rank in
      AtomTree<Void>.nodes(
        of: AtomTree<Void>.atoms(ofRank: rank, of: collective.count, count: atoms))
    }
    precondition(
      tree.nodes.map(\.first) == nodes[collective.rank].map(\.first),
      "GradientExchange: nodes of other atoms than this process has")
    var result = [Float](repeating: 0, count: layout.slices[collective.rank].count)
    try forChunks { ranges in
      let mine = ranges[collective.rank]
      let sent = tree.nodes.count * ranges.reduce(0) { $0 + $1.count }
      let received = nodes.reduce(0) { $0 + $1.count * mine.count }
      var (outgoing, incoming) = (
        [Float](repeating: 0, count: sent), [Float](repeating: 0, count: received)
      )
      outgoing.withUnsafeMutableBufferPointer { buffer in
        guard var target = buffer.baseAddress else { return }
        for range in ranges {
          for node in tree.nodes {
            layout.forPieces(of: range) { piece in
              node.sum.copy(piece.range, of: piece.parameter, to: target + piece.offset)
            }
            target += range.count
          }
        }
      }
      try outgoing.withUnsafeBytes { outgoing in
        try incoming.withUnsafeMutableBytes { incoming in
          try collective.exchange(
            outgoing, counts: ranges.map { Self.bytes($0.count * tree.nodes.count) },
            into: incoming, counts: nodes.map { Self.bytes($0.count * mine.count) })
        }
      }
      let start = mine.lowerBound - layout.slices[collective.rank].lowerBound
      Self.add(nodes, &incoming, count: mine.count, into: &result, at: start)
    }
    return result
  }

  /// Adds the nodes of all processes along the tree.
  private static func add(
    _ nodes: [[(first: Int, size: Int)]], _ incoming: inout [Float], count: Int,
    into result: inout [Float], at start: Int
  ) {
    guard count > 0 else { return }
    incoming.withUnsafeMutableBufferPointer { buffer in
      guard var next = buffer.baseAddress else { return }
      var tree = AtomTree<UnsafeMutablePointer<Float>> { left, right in
        VectorKernels.active.addScaled(count: count, 1, right, to: left)
      }
      for (first, size) in nodes.joined() {
        tree.append(next, first: first, size: size)
        next += count
      }
      guard let sum = tree.takeSum() else { return }
      result.withUnsafeMutableBufferPointer { result in
        result.baseAddress.map { ($0 + start).update(from: sum, count: count) }
      }
    }
  }

  /// Gives all processes the gradients of the parameters `present`, of whose slices each has one.
  package func gather(
    _ slice: [Float], of present: Set<Parameter>, into gradients: GradientAccumulator
  ) throws {
    var tensors: [Parameter: Tensor] = [:]
    for segment in layout.segments where present.contains(segment.parameter) {
      tensors[segment.parameter] = Tensor(zeros: segment.parameter.gradientShape)
    }
    try gather { piece, target in
      slice.withUnsafeBufferPointer { slice in
        slice.baseAddress.map {
          target.update(from: $0 + piece.offset, count: piece.range.count)
        }
      }
    } writing: { piece, source in
      tensors[piece.parameter]?.withUnsafeMutableElements { elements in
        elements.baseAddress.map {
          ($0 + piece.range.lowerBound).update(from: source, count: piece.range.count)
        }
      }
    }
    for (parameter, value) in tensors { gradients.set(value, of: parameter) }
  }

  /// The Euclidean norm of the gradients, of which each process has a slice; see
  /// `GradientAccumulator.blockNorm`.
  package func norm(of slice: [Float]) throws -> Double {
    let mine = slice.withUnsafeBufferPointer { buffer -> [Double] in
      guard let start = buffer.baseAddress else { return [] }
      return ownPieces.flatMap {
        blockSquares(of: start + $0.offset, count: $0.range.count, size: $0.parameter.blockSize)
      }
    }
    let all = try collective.gather(bytes: mine.withUnsafeBytes { Array($0) })
    return all.reduce(0.0) { sum, bytes in
      bytes.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: MemoryLayout<Double>.stride).reduce(sum) {
          $0 + bytes.loadUnaligned(fromByteOffset: $1, as: Double.self)
        }
      }
    }.squareRoot()
  }

  /// The first parameter whose gradient, of which each process has a slice, is not finite; nil if
  /// all are.
  package func firstBroken(in slice: [Float]) throws -> Parameter? {
    let broken = Set(
      ownPieces.filter { piece in
        !slice[piece.offset..<piece.offset + piece.range.count].allSatisfy(\.isFinite)
      }.map(\.parameter))
    let all = try collective.gather(
      layout.segments.map { broken.contains($0.parameter) ? 1 : 0 })
    return layout.segments.enumerated().first { index, _ in all.contains { $0[index] > 0 } }?
      .element.parameter
  }

  /// Gives all processes the trainable elements, of which each has updated its slice.
  package func gatherValues() throws {
    var values: [Parameter: Tensor] = [:]
    // Those of which only some elements train are copied once.
    for parameter in parameters where parameter.trains != .all {
      values[parameter] = parameter.trainableValue
    }
    try gather { piece, target in
      let value = values[piece.parameter] ?? piece.parameter.value
      withElements(of: value) {
        target.update(from: $0 + piece.range.lowerBound, count: piece.range.count)
      }
    } writing: { piece, source in
      func write(_ elements: UnsafeMutableBufferPointer<Float>) {
        elements.baseAddress.map {
          ($0 + piece.range.lowerBound).update(from: source, count: piece.range.count)
        }
      }
      if values[piece.parameter] == nil {
        piece.parameter.value.withUnsafeMutableElements(write)
      } else {
        values[piece.parameter]?.withUnsafeMutableElements(write)
      }
    }
    for (parameter, value) in values { parameter.trainableValue = value }
  }

  /// Gives all processes what each has of its slice, in chunks.
  ///
  /// - Parameters:
  ///   - read: writes the elements of a piece of this process's slice; the offset of the piece is
  ///     that within the slice.
  ///   - write: receives the elements of a piece of any slice.
  func gather(
    _ read: (GradientLayout.Piece, UnsafeMutablePointer<Float>) -> Void,
    writing write: (GradientLayout.Piece, UnsafePointer<Float>) -> Void
  ) throws {
    try forChunks { ranges in
      let mine = ranges[collective.rank]
      var (outgoing, incoming) = (
        [Float](repeating: 0, count: mine.count),
        [Float](repeating: 0, count: ranges.reduce(0) { $0 + $1.count })
      )
      let start = mine.lowerBound - layout.slices[collective.rank].lowerBound
      outgoing.withUnsafeMutableBufferPointer { buffer in
        guard let target = buffer.baseAddress else { return }
        layout.forPieces(of: mine) { piece in
          read(piece.moved(by: start), target + piece.offset)
        }
      }
      try outgoing.withUnsafeBytes { outgoing in
        try incoming.withUnsafeMutableBytes {
          try collective.gather(outgoing, into: $0, counts: ranges.map { Self.bytes($0.count) })
        }
      }
      incoming.withUnsafeBufferPointer { buffer in
        guard var source = buffer.baseAddress else { return }
        for range in ranges {
          layout.forPieces(of: range) { write($0, source + $0.offset) }
          source += range.count
        }
      }
    }
  }

  private static func bytes(_ count: Int) -> Int { MemoryLayout<Float>.stride * count }

  /// Calls `body` with the next chunk of every slice until all are done. A slice that is shorter
  /// than others has empty chunks at the end.
  private func forChunks(_ body: ([Range<Int>]) throws -> Void) rethrows {
    let longest = layout.slices.map(\.count).max() ?? 0
    for first in stride(from: 0, to: longest, by: chunk) {
      try body(
        layout.slices.map { slice in
          let start = min(slice.upperBound, slice.lowerBound + first)
          return start..<min(slice.upperBound, start + chunk)
        })
    }
  }
}

extension GradientAccumulator {
  /// Copies elements of the gradient of `parameter`, in its `gradientShape`, to `target`; zeros if
  /// none has arrived.
  fileprivate func copy(
    _ range: Range<Int>, of parameter: Parameter, to target: UnsafeMutablePointer<Float>
  ) {
    if let table = tableGradient(of: parameter) {
      table.copy(range, to: target)
    } else if let gradient = self[parameter] {
      withElements(of: gradient) { target.update(from: $0 + range.lowerBound, count: range.count) }
    } else {
      target.update(repeating: 0, count: range.count)
    }
  }
}
