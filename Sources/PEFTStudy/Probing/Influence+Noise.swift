import Foundation
import PEFTNetwork
import PEFTReport
import PEFTSelect
import PEFTTensor

extension Influence {
  /// The number of groups whose influence cannot be told from zero, and of all groups that can be
  /// selected.
  public var noise: (count: Int, of: Int) {
    let free = zip(groups, influences).filter { !$0.0.isFixed }
    return (free.count { [.uncertain, .unfitted].contains($0.1.verdict) }, free.count)
  }

  /// What a reader must know before an order or a choice of groups: how many cannot be told from
  /// noise, and what would separate them. Nil if all can be.
  public var noiseNote: String? {
    let (count, all) = noise
    guard count > 0 else { return nil }
    let probes = cost.probeBatches
    let groups = all == 1 ? "group" : "groups"
    return "\(ReportText.grouped(count)) of \(ReportText.grouped(all)) \(groups) cannot be told "
      + "from noise with \(ReportText.grouped(probes)) probe \(probes == 1 ? "batch" : "batches")"
      + (count == 1 ? ". " : "; their order is not meaningful. ") + noiseAdvice
  }

  /// What would make the errors smaller, with the data there are.
  public var noiseAdvice: String {
    let made = cost.probeBatches
    if let period = settings["period"]?.integer, let steps = settings["probe-steps"]?.integer {
      let wanted = max(steps, 4 * made * period)
      return "More probes separate them: `probe-steps` \(wanted) would cut the errors by about 50 %"
    }
    if settings["settled"] != nil, made < settings["probe-batches"]?.integer ?? 0 {
      return "Probing ended when the selection settled; leave out `settle-after` for more probes"
    }
    let wanted = min(4 * made, largestProbeCount)
    // Fewer would cut the errors by about a tenth at most.
    guard 4 * wanted > 5 * made else {
      return
        "The training data have \(wanted > made ? "hardly any" : "no") further batches to probe; "
        + "more data would separate them"
    }
    let percent = 100 * (1 - (Double(made) / Double(wanted)).squareRoot())
    return "More probes separate them: `probe-batches` \(wanted)"
      + (wanted < 4 * made ? " (all the data have)" : "")
      + String(format: " would cut the errors by about %.0f %%", percent)
  }

  /// The largest number of probes that the training data allow, at least the number made.
  private var largestProbeCount: Int {
    let made = cost.probeBatches
    if let asked = settings["probe-batches"]?.integer, made < asked { return made }
    guard let batches = cost.trainingBatches else { return .max }
    let isFresh = settings["probe-on"]?.string == ProbeSettings.ProbeBatches.fresh.rawValue
    return max(made, isFresh ? batches - (settings["direction-batches"]?.integer ?? 0) : batches)
  }
}
