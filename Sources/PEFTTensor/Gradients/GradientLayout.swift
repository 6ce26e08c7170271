/// The elements of several parameters one after another, and their division among processes.
///
///     0 … N: the elements of the first parameter, those of the second, and so on
///     slice r: the elements that process r sums and updates; its ends are ends of blocks
struct GradientLayout {
  /// All elements of a parameter.
  struct Segment {
    let parameter: Parameter
    /// Its elements among all, N numbers.
    let range: Range<Int>
  }

  /// The part of a range that belongs to a parameter.
  struct Piece {
    let parameter: Parameter
    /// The elements within the parameter's.
    let range: Range<Int>
    /// The first element within the slice, or within the range that was asked for.
    let offset: Int

    /// The same piece, in a range that begins so many elements earlier.
    func moved(by count: Int) -> Piece {
      Piece(parameter: parameter, range: range, offset: offset + count)
    }
  }

  let segments: [Segment]
  /// The slices of the processes, ascending; together, all elements.
  let slices: [Range<Int>]

  /// A layout of so many elements of each parameter.
  init(_ sizes: [(parameter: Parameter, count: Int)], processes: Int) {
    var (segments, start): ([Segment], Int) = ([], 0)
    for (parameter, count) in sizes {
      segments.append(Segment(parameter: parameter, range: start..<start + count))
      start += count
    }
    self.segments = segments
    var ends = (0..<processes).map { rank in
      Self.blockStart(segments, at: (rank + 1) * start / processes)
    }
    ends[processes - 1] = start
    slices = zip([0] + ends, ends).map { $0..<$1 }
  }

  /// The start of the block that holds the element `target`.
  private static func blockStart(_ segments: [Segment], at target: Int) -> Int {
    guard let segment = segments.first(where: { $0.range.contains(target) }) else { return target }
    let start = segment.range.lowerBound
    return start + (target - start) / segment.parameter.blockSize * segment.parameter.blockSize
  }

  /// Calls `body` with every parameter that has elements in `range`: those elements within the
  /// parameter's, and the first of them within `range`.
  func forPieces(of range: Range<Int>, _ body: (Piece) throws -> Void) rethrows {
    for segment in segments where segment.range.overlaps(range) {
      let part = segment.range.clamped(to: range)
      let start = segment.range.lowerBound
      try body(
        Piece(
          parameter: segment.parameter,
          range: part.lowerBound - start..<part.upperBound - start,
          offset: part.lowerBound - range.lowerBound))
    }
  }
}
