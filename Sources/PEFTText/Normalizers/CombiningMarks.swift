/// Long runs of combining marks, such as decoration stacked on one letter.
enum CombiningMarks {
  /// An equivalent text in the sense of Unicode, in which runs of more than `longRun` marks are in
  /// canonical order.
  ///
  /// Foundation orders the marks of a run by exchanging neighbours, which takes time quadratic in
  /// its length. A run that is already in order takes one pass.
  static func ordered(_ scalars: String.UnicodeScalarView) -> String.UnicodeScalarView {
    var result = String.UnicodeScalarView()
    var run: [Unicode.Scalar] = []
    var hasLongRun = false
    func end() {
      if run.count > longRun {
        hasLongRun = true
        run = sorted(run)
      }
      for mark in run { result.append(mark) }
      run.removeAll(keepingCapacity: true)
    }
    for scalar in scalars {
      if scalar.value >= 0x300, combiningClass(scalar) > 0 {
        run.append(scalar)
      } else {
        end()
        result.append(scalar)
      }
    }
    end()
    return hasLongRun ? result : scalars
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
