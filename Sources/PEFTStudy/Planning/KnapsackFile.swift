import PEFTSelect
import PEFTTensor

/// A plain knapsack instance in a text file: a line `n c`, then n lines `value weight`.
///
/// Numbers are separated by blanks or line ends in any arrangement. Weights and capacity may be
/// decimal numbers; a power of ten scales them to integers exactly. Anything after the last item is
/// ignored, since some files store a solution there.
public struct KnapsackFile: Sendable {
  /// The instance, with its weights multiplied by `weightScale`.
  public let instance: KnapsackInstance
  /// The power of ten that makes the weights integers.
  public let weightScale: Int64

  /// The largest number of items of a file.
  private static let itemLimit = 10_000_000

  /// Reads the file at `path`.
  ///
  /// - Parameter capacity: replaces the file's capacity, as text in the same format.
  ///
  /// Throws `malformed`, with the line, for an invalid file: a count that does not match, a value
  /// that is negative or not finite, or a weight that is not positive.
  public init(path: String, capacity: String? = nil) throws(FileError) {
    let fields = try Self.fields(path)
    guard fields.count >= 2, let count = Int(fields[0].text), (0...Self.itemLimit).contains(count)
    else {
      throw Self.wrong(
        path, fields.first?.line ?? 1, "it does not begin with \"number-of-items capacity\"")
    }
    guard fields.count >= 2 + 2 * count else {
      throw Self.wrong(
        path, fields[fields.count - 1].line,
        "the file ends after \((fields.count - 2) / 2) of \(count) items")
    }
    let rows: [(value: Field, weight: Field)] = (0..<count).map { index in
      (fields[2 + 2 * index], fields[3 + 2 * index])
    }
    var values: [Double] = []
    var weights: [Decimal] = []
    for row in rows {
      guard let value = Double(row.value.text), value.isFinite, value >= 0 else {
        throw Self.wrong(
          path, row.value.line, "the value \"\(row.value.text)\" is not a finite number from 0")
      }
      guard let weight = Decimal(row.weight.text), weight.digits > 0 else {
        throw Self.wrong(
          path, row.weight.line,
          "the weight \"\(row.weight.text)\" is not a positive number of at most 19 digits")
      }
      values.append(value)
      weights.append(weight)
    }
    let text = capacity ?? String(fields[1].text)
    guard let limit = Decimal(text) else {
      throw Self.wrong(
        path, fields[1].line, "the capacity \"\(text)\" is not a number from 0 of at most 19 digits"
      )
    }
    let places = weights.reduce(limit.places) { max($0, $1.places) }
    var items: [KnapsackItem] = []
    items.reserveCapacity(count)
    for (index, row) in rows.enumerated() {
      guard let weight = weights[index].scaled(to: places) else {
        throw Self.wrong(path, row.weight.line, "the weight has too many digits beside the others")
      }
      items.append(KnapsackItem(weight: weight, value: values[index]))
    }
    guard let whole = limit.scaled(to: places) else {
      throw Self.wrong(path, fields[1].line, "the capacity has too many digits beside the weights")
    }
    do throws(KnapsackError) {
      instance = try KnapsackInstance(items: items, capacity: whole)
    } catch {
      throw FileError(.malformed, path: path, reason: error.description)
    }
    weightScale = (0..<places).reduce(1) { scale, _ in scale * 10 }
  }

  private static func wrong(_ path: String, _ line: Int, _ reason: String) -> FileError {
    FileError(
      .malformed, path: path, place: "line \(line)", reason: reason,
      remedy: "write \"n capacity\", then n lines \"value weight\"")
  }

  private struct Field {
    let line: Int
    let text: Substring
  }

  private static func fields(
    _ path: String
  ) throws(FileError) -> [Field] {
    guard
      let text = String(
        validating: try FileContents.read(path).withoutByteOrderMark, as: UTF8.self)
    else {
      throw FileError(.malformed, path: path, reason: "it is not UTF-8")
    }
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
      .flatMap { index, line in
        line.split(whereSeparator: \.isWhitespace).map { Field(line: index + 1, text: $0) }
      }
  }
}

/// A nonnegative decimal number: digits · 10^−places.
private struct Decimal {
  let digits: Int64
  let places: Int

  /// Parses `12` and `12.50`; at most 19 digits, of which at most 18 after the point.
  init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    var fraction = parts.count == 2 ? String(parts[1]) : ""
    while fraction.last == "0" { fraction.removeLast() }
    let all = String(parts[0]) + String(fraction)
    guard !all.isEmpty, all.count <= 19, fraction.count <= 18,
      all.utf8.allSatisfy({ (48...57).contains($0) }),
      let digits = Int64(all)
    else { return nil }
    self.digits = digits
    places = fraction.count
  }

  func scaled(to places: Int) -> Int64? {
    var result = digits
    for _ in self.places..<places {
      let (product, overflow) = result.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      result = product
    }
    return result
  }
}
