/// The combining marks of a text, which Foundation alone does not order as it should.
enum CombiningMarks {
  /// An equivalent text in the sense of Unicode, in which runs of more than `longRun` marks, and
  /// runs with `hidden` marks, are in canonical order.
  ///
  /// Foundation orders the marks of a run by exchanging neighbours, which takes time quadratic in
  /// its length. A run that is already in order takes one pass.
  static func ordered(_ scalars: String.UnicodeScalarView) -> String.UnicodeScalarView {
    var result = String.UnicodeScalarView()
    var run: [Unicode.Scalar] = []
    var hidesMarks = false
    var isChanged = false
    func end() {
      if hidesMarks || run.count > longRun {
        isChanged = true
        run = sorted(run)
      }
      hidesMarks = false
      for mark in run { result.append(mark) }
      run.removeAll(keepingCapacity: true)
    }
    for scalar in scalars {
      if scalar.value >= 0x300, combiningClass(scalar) > 0 {
        run.append(scalar)
      } else if let marks = hidden(in: scalar) {
        hidesMarks = true
        run += marks
      } else {
        end()
        result.append(scalar)
      }
    }
    end()
    return isChanged ? result : scalars
  }

  /// The marks that a character which is none itself decomposes into. Foundation leaves them where
  /// they are. There are three such characters.
  private static func hidden(in scalar: Unicode.Scalar) -> [Unicode.Scalar]? {
    switch scalar {
    case "\u{F73}": ["\u{F71}", "\u{F72}"]
    case "\u{F75}": ["\u{F71}", "\u{F74}"]
    case "\u{F81}": ["\u{F71}", "\u{F80}"]
    default: nil
    }
  }

  private static let longRun = 64

  private static func combiningClass(_ scalar: Unicode.Scalar) -> UInt8 {
    scalar.properties.canonicalCombiningClass.rawValue
  }

  /// Sorts by combining class. Marks of the same class keep their order.
  private static func sorted(_ run: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var byClass = [[Unicode.Scalar]](repeating: [], count: 256)
    for mark in run { byClass[Int(combiningClass(mark))].append(mark) }
    return byClass.flatMap(\.self)
  }
}
