import PEFTReport
import PEFTStudy

/// What a reader must know of influences before their order: how many cannot be told from noise.
struct NoiseNote {
  let influence: Influence

  init(_ influence: Influence) { self.influence = influence }

  var lines: [String] {
    influence.noiseNote.map {
      ReportText.wrapped(SettingNames.asOptions($0) + ".", to: Console.width)
    } ?? []
  }
}
