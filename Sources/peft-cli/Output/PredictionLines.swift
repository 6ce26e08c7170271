import PEFTData
import PEFTTensor

/// The format in which predictions are printed.
enum PredictionFormat: String, CaseIterable {
  /// A JSON object for each row.
  case jsonl
  /// A table by RFC 4180 with a header.
  case csv
  /// A table separated by tabs with a header.
  case tsv
}

/// The lines that print the predictions of a task.
///
/// A row is told by its own `id`, or else by its number from 1, and by its text. The columns of a
/// table are `id`, `text` (of pairs `text_a` and `text_b`), `label`, `labels` (with `|` between
/// them) or `value`, and the probability of every class under the name of the class; for words they
/// are `id`, `word` and `tag`, with a line for each word.
struct PredictionLines {
  let format: PredictionFormat
  let task: any PredictionTask
  /// Whether the texts are pairs.
  let hasPairs: Bool

  /// The header of a table; nil for JSON lines.
  var header: String? {
    if task is TokenClassification { return line(["id", "word", "tag"]) }
    let answer = task is MultiLabelClassification ? "labels" : "label"
    let names =
      ["id"] + (hasPairs ? ["text_a", "text_b"] : ["text"])
      + (task.classes.map { [answer] + $0.names } ?? ["value"])
    return line(names)
  }

  /// The lines of the row `index`, from 0, with this prediction.
  func lines(_ prediction: JSONObject, of example: TextExample, index: Int) -> [String] {
    let id = example.id ?? String(index + 1)
    guard format != .jsonl else {
      var object = prediction
      // Whole numbers are numbers again, unless they are written in an unusual way.
      object["id"] =
        Int(id).flatMap { String($0) == id ? .integer($0) : nil } ?? .string(id)
      if !(task is TokenClassification) {
        object[hasPairs ? "text_a" : "text"] = .string(example.text)
        object["text_b"] = example.pair.map { .string($0) }
      }
      return [VisibleText.json(JSONValue.object(object).text())]
    }
    if let tags = prediction["tags"]?.array {
      return zip(example.words, tags).compactMap { word, tag in
        line([id, word.text, tag.string ?? ""])
      }
    }
    let labels = prediction["labels"]?.array.map {
      $0.compactMap(\.string).joined(separator: "|")
    }
    let answer =
      labels ?? prediction["label"]?.string ?? prediction["value"]?.double.map { "\($0)" } ?? ""
    let probabilities = prediction["probabilities"]?.object?.members.map { member in
      "\(member.value.double ?? .nan)"
    }
    let texts = [example.text] + (example.pair.map { [$0] } ?? [])
    return [line([id] + texts + [answer] + (probabilities ?? []))].compactMap(\.self)
  }

  private func line(_ cells: [String]) -> String? {
    switch format {
    case .jsonl: nil
    case .csv: DelimitedLine.csv(cells)
    case .tsv: DelimitedLine.tsv(cells)
    }
  }
}
