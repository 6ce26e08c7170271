import Foundation
import PEFTReport
import PEFTSelect
import PEFTStudy

/// The groups of an influence, sorted by influence per parameter, largest first.
struct InfluenceTable {
  let influence: Influence

  /// The number of rows shown; files have all rows.
  private static let limit = 40

  init(_ influence: Influence) { self.influence = influence }

  var lines: [String] {
    let perParameter = influence.perParameter
    let order = influence.groups.indices.sorted {
      (perParameter[$1], $0) < (perParameter[$0], $1)
    }
    var table = TextTable(
      header: [
        "group", "parameters", "slope", "± error", "curvature", "value", "per parameter", "",
      ])
    for index in order.prefix(Self.limit) {
      let (group, item) = (influence.groups[index], influence.influences[index])
      table.add([
        group.name, group.parameterCount.grouped, Self.short(item.slope),
        Self.short(item.slopeError), Self.short(item.curvature), Self.short(item.value),
        Self.short(perParameter[index]), group.isFixed ? "fixed" : item.verdict.rawValue,
      ])
    }
    let rest = order.count - Self.limit
    return table.lines(width: .max)
      + (rest > 0 ? ["… and \(rest.grouped) more in \(Influence.fileName)"] : [])
  }

  static func short(_ value: Double) -> String { String(format: "%.2e", value) }
}
