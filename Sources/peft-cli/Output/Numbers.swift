import PEFTReport

extension BinaryInteger {
  /// The digits in groups of three.
  var grouped: String { ReportText.grouped(Int(self)) }
}
