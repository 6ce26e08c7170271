import Foundation
import PEFTNetwork
import PEFTSelect

/// Shows where in a network the influence is: kinds of groups by layers, coloured by influence per
/// parameter.
///
/// Groups of one kind and layer share a cell, whatever the grouping: their values and their
/// parameters are summed, so that a cell shows Σ value / Σ |k|. Slopes along one direction add up
/// exactly. A cell of several groups is `certain` if the sum of their slopes is more than two
/// standard errors above zero, where errors are treated as independent. The cost is one pass over
/// the K groups.
public struct InfluenceHeatMap: Sendable {
  /// The number of layers, which is the number of columns.
  public let layerCount: Int
  /// The names of the rows: `attention`, …, then candidates, such as `lora:8 attention`.
  public let rows: [String]
  /// The cells, `rows.count` × `layerCount`; nil if there is no group.
  public let cells: [[Cell?]]
  /// The groups outside the layers in order; all rows of a matrix share a cell.
  public let outside: [Cell]
  /// One cell for all groups of a kind, inside and outside the layers.
  public let totals: [Cell]
  /// The range of influence per parameter on the colour scale, over cells with a certain influence;
  /// nil if there are none. It spans at most six decades, and lower influences have the first
  /// shade. It spans at least a factor of two, so that nearly equal influences look nearly equal.
  public let scale: ClosedRange<Double>?

  /// The map of `groups` and their influences in a model with `layerCount` layers.
  ///
  /// `chosen` has the names of the groups to mark as selected.
  public init(
    groups: [ParameterGroup], influences: [GroupInfluence], layerCount: Int,
    chosen: Set<String> = []
  ) {
    precondition(
      groups.count == influences.count,
      "InfluenceHeatMap: \(groups.count) groups, \(influences.count) influences")
    self.init(zip(groups, influences).map(GroupScore.init), layerCount: layerCount, chosen: chosen)
  }

  /// The map of `scores` in a model with `layerCount` layers.
  public init(_ scores: [GroupScore], layerCount: Int, chosen: Set<String> = []) {
    precondition(layerCount >= 0, "InfluenceHeatMap: \(layerCount) layers")
    var kinds: [Substring: ParameterKind] = [:]
    if scores.contains(where: { $0.kind == .adapter }) {
      for score in scores where score.kind != .adapter { kinds[score.name[...]] = score.kind }
    }
    var inside: [RowKey: [Int: Cell]] = [:]
    var byKind: [RowKey: Cell] = [:]
    var outside: [Cell] = []
    var positions: [Substring: Int] = [:]
    for score in scores {
      let key = RowKey(score, kinds: kinds)
      let isChosen = chosen.contains(score.name)
      byKind[key, default: Cell(name: key.name, kind: score.kind)].add(score, isChosen: isChosen)
      if let layer = score.layer {
        precondition(
          (0..<layerCount).contains(layer),
          "InfluenceHeatMap: \(score.name) in layer \(layer) of \(layerCount)")
        inside[key, default: [:]][
          layer, default: Cell(name: "\(key.name), layer \(layer)", kind: score.kind)
        ].add(score, isChosen: isChosen)
        continue
      }
      let name = Self.matrixName(score.name)
      let position = positions[name] ?? outside.count
      if position == outside.count {
        positions[name] = position
        outside.append(Cell(name: String(name), kind: score.kind))
      }
      outside[position].add(score, isChosen: isChosen)
    }
    let keys = inside.keys.sorted()
    self.layerCount = layerCount
    self.outside = outside
    rows = keys.map(\.name)
    cells = keys.map { key in (0..<layerCount).map { inside[key]?[$0] } }
    totals = byKind.sorted { $0.key < $1.key }.map(\.value)
    let values = (cells.joined().compactMap { $0 } + outside)
      .filter { $0.isCertain && !$0.isFixed }.map(\.perParameter).filter { $0 > 0 }
    scale = values.max().map { top in min(max(values.min() ?? top, top * 1e-6), top / 2)...top }
  }

  /// The position of `perParameter` on the logarithmic scale: 0 at its start, 1 at its end.
  public func intensity(of perParameter: Double) -> Double {
    guard let scale, perParameter > 0 else { return 0 }
    guard scale.lowerBound < scale.upperBound else {
      return perParameter < scale.lowerBound ? 0 : 1
    }
    let place =
      log(perParameter / scale.lowerBound) / log(scale.upperBound / scale.lowerBound)
    return min(1, max(0, place))
  }

  /// The index of the shade, from 0, among `count` shades that divide the scale evenly.
  func shade(of perParameter: Double, count: Int) -> Int {
    min(count - 1, Int(intensity(of: perParameter) * Double(count)))
  }

  /// `name` without the row index at its end: `a.weight` for `a.weight[17]`.
  private static func matrixName(_ name: String) -> Substring {
    guard name.utf8.last == UInt8(ascii: "]"),
      let start = name.utf8.lastIndex(of: UInt8(ascii: "["))
    else { return name[...] }
    let row = name.utf8[name.utf8.index(after: start)...].dropLast()
    guard !row.isEmpty, row.allSatisfy({ (0x30...0x39).contains($0) }) else { return name[...] }
    return name[..<start]
  }
}

/// The key of a row: a kind, or the size of candidates and the kind of their weights.
private struct RowKey: Hashable, Comparable {
  /// What candidates are, such as `lora`; empty for the model's own weights.
  let family: String
  /// The rank of adapters, or the number of elements.
  let size: Int
  let kind: ParameterKind?
  /// The targets of an adapter that takes only some of the matrices of a group, such as
  /// `query+value`.
  let targets: String?

  init(_ score: GroupScore, kinds: [Substring: ParameterKind]) {
    guard score.kind == .adapter else {
      (family, size, kind, targets) = ("", 0, score.kind, nil)
      return
    }
    let parts = score.name.split(separator: "@", maxSplits: 1)
    let what = (parts.first ?? "").split(separator: ":", maxSplits: 1)
    let size = what.dropFirst().first.flatMap { Int($0) }
    (family, self.size) = size.map { (String(what[0]), $0) } ?? ("adapter", .max)
    guard parts.count > 1, kinds[parts[1]] == nil, let dot = parts[1].lastIndex(of: "."),
      let whole = kinds[parts[1][..<dot]]
    else {
      (kind, targets) = (parts.count > 1 ? kinds[parts[1]] : nil, nil)
      return
    }
    (kind, targets) = (whole, String(parts[1][parts[1].index(after: dot)...]))
  }

  var name: String {
    let what = targets ?? kind?.rawValue
    guard !family.isEmpty else { return what ?? "adapter" }
    let candidate = size == .max ? family : "\(family):\(size)"
    return [candidate, what].compactMap { $0 }.joined(separator: " ")
  }

  private static let order: [ParameterKind] = [
    .attention, .feedForward, .norm, .bias, .embedding, .adapter, .head,
  ]

  /// Own weights, then elements, then adapters.
  private var rank: Int { ["", "speft", "lora"].firstIndex(of: family) ?? 3 }

  private var place: Int { kind.flatMap { Self.order.firstIndex(of: $0) } ?? Self.order.count }

  static func < (left: RowKey, right: RowKey) -> Bool {
    (left.rank, left.family, left.size, left.place, left.targets ?? "")
      < (right.rank, right.family, right.size, right.place, right.targets ?? "")
  }
}
