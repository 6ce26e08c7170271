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

  var lines: [String] {
    InfluenceHeatMap(
      zip(influence.groups, influence.influences).map { GroupScore($0, $1) },
      layerCount: influence.layerCount,
      chosen: Set(plan?.groups.map(\.group.name) ?? [])
    ).lines(width: 78, colour: Console.isTerminal && Console.hasColour)
  }
}
