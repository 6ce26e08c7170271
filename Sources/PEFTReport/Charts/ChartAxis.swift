import Foundation

/// A logarithmic axis of parameters.
struct LogAxis {
  let low: Double
  let high: Double

  /// An axis that contains all positive `values`, with a margin on both sides.
  init(_ values: [Double]) {
    let positive = values.filter { $0 > 0 && $0.isFinite }
    let (least, most) = (positive.min() ?? 1, positive.max() ?? 10)
    let room = max(most / least, 4)
    low = least / pow(room, 0.06)
    high = most * pow(room, most > least ? 0.06 : 0.5)
  }

  /// The position of `value`: 0 at the start of the axis, 1 at the end; clamped to this range.
  func fraction(_ value: Double) -> Double {
    value <= low ? 0 : min(1, log(value / low) / log(high / low))
  }

  /// The value at `fraction`.
  func value(at fraction: Double) -> Double { low * pow(high / low, fraction) }

  /// Round fractions of `total` that lie on the axis, ascending, as numbers of parameters: powers
  /// of ten, with others between them on short axes.
  func ticks(ofTotal total: Double) -> [Double] {
    let start = Int(log10(100 * low / total).rounded(.down))
    let end = Int(log10(100 * high / total).rounded(.up))
    func ticks(_ steps: [Double]) -> [Double] {
      (start...max(start, end)).flatMap { exponent in
        steps.map { $0 * pow(10, Double(exponent)) * total / 100 }
      }.filter { $0 >= low && $0 <= high }
    }
    let choices = [[1], [1, 2, 5], stride(from: 1, to: 10, by: 0.5).map { $0 }].map(ticks)
    return choices.first { $0.count >= 3 } ?? choices.last { !$0.isEmpty } ?? []
  }
}

/// A linear axis.
struct LinearAxis {
  let low: Double
  let high: Double

  /// An axis from `low` to `high`, widened if they are equal.
  init(low: Double, high: Double) {
    let isEmpty = !(high > low)
    self.low = isEmpty ? low - max(abs(low) * 0.05, 1e-12) : low
    self.high = isEmpty ? high + max(abs(high) * 0.05, 1e-12) : high
  }

  /// The position of `value`: 0 at the start of the axis, 1 at the end; clamped to this range.
  func fraction(_ value: Double) -> Double { min(1, max(0, (value - low) / (high - low))) }

  /// Three to seven round numbers on the axis, ascending, each with its text.
  var ticks: [(value: Double, text: String)] {
    let rough = (high - low) / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? rough
    let digits = max(0, min(12, Int((-log10(step)).rounded(.up)) + (step / power == 2.5 ? 1 : 0)))
    let largest = max(abs(low), abs(high))
    let isPlain = digits <= 6 && largest < 1e7
    let first = (low / step - 1e-9).rounded(.up)
    let count = Int((high / step + 1e-9).rounded(.down) - first)
    guard count >= 0, count < 20 else { return [] }
    return (0...count).map { index in
      let value = (first + Double(index)) * step
      let text =
        isPlain
        ? String(format: "%.*f", digits, value == 0 ? 0 : value) : String(format: "%.2g", value)
      return (value, text)
    }
  }
}
