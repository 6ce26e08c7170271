import PEFTReport
import PEFTStudy

/// The heat map of an influence in the terminal, with a plan's selection marked.
struct InfluenceFigure {
  let influence: Influence
  let plan: Plan?

  init(_ influence: Influence, plan: Plan?) {
    self.influence = influence
    self.plan = plan
  }

  private var map: InfluenceHeatMap {
    InfluenceHeatMap(
      zip(influence.groups, influence.influences).map { GroupScore($0, $1) },
      layerCount: influence.layerCount,
      chosen: Set(plan?.groups.map(\.group.name) ?? []))
  }

  var lines: [String] {
    map.lines(
      width: min(78, Console.width), colour: Console.isTerminal && Console.hasColour)
  }

  /// The map in at most `height` lines on standard output.
  func lines(height: Int) -> [String] {
    map.lines(
      width: min(78, Console.width), height: height,
      colour: Console.isOutputTerminal && Console.hasColour)
  }
}
