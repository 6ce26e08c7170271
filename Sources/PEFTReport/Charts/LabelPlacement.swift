/// Places the labels of points so that no label overlaps another label, a dot or the edge.
///
/// Greedy, in the given order: each label takes the cheapest of some hundred places around its dot.
/// Places near the dot and off the line are cheap. If all places are taken, the label is left out;
/// its dot still has a tooltip.
struct LabelPlacement {
  /// An axis-aligned box.
  struct Box {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double

    func overlaps(_ other: Box) -> Bool {
      left < other.right && other.left < right && top < other.bottom && other.top < bottom
    }
  }

  /// The area to which the labels are confined.
  let area: Box
  private var taken: [Box]
  private let line: [Box]

  /// A placement within `area` that keeps clear of `dots` and, if possible, of the staircase
  /// through `line`.
  init(area: Box, dots: [(x: Double, y: Double)], line: [(x: Double, y: Double)] = []) {
    self.area = area
    taken = dots.map { Box(left: $0.x - 5, top: $0.y - 5, right: $0.x + 5, bottom: $0.y + 5) }
    self.line = zip(line, line.dropFirst()).map { start, end in
      Box(
        left: min(start.x, end.x) - 1, top: min(start.y, end.y) - 1,
        right: max(start.x, end.x) + 1, bottom: max(start.y, end.y) + 1)
    }
  }

  /// The box for a label of this width and height at a dot, marked as taken; nil if there is no
  /// room.
  mutating func place(width: Double, height: Double, at dot: (x: Double, y: Double)) -> Box? {
    var best: (cost: Double, box: Box)?
    for ring in 0...12 {
      for side in ring == 0 ? [1.0] : [-1.0, 1.0] {
        let middle = dot.y + side * Double(ring) * height * 0.75
        let lefts = [
          dot.x + 9, dot.x - 9 - width, dot.x - width / 2, dot.x + 24, dot.x - 24 - width,
        ]
        for (choice, left) in lefts.enumerated() {
          let box = Box(
            left: left, top: middle - height / 2, right: left + width, bottom: middle + height / 2)
          guard box.left >= area.left, box.right <= area.right, box.top >= area.top,
            box.bottom <= area.bottom, !taken.contains(where: box.overlaps)
          else { continue }
          let crossings = line.lazy.filter(box.overlaps).prefix(1).count
          let cost =
            Double(ring) + [0, 0.5, 0.7, 2.2, 2.7][choice] + (side < 0 ? 0.1 : 0)
            + 4 * Double(crossings)
          if cost < best?.cost ?? .infinity { best = (cost, box) }
        }
      }
    }
    if let best { taken.append(best.box) }
    return best?.box
  }
}
