import PEFTData
import PEFTReport
import PEFTTensor

extension ConfusionMatrix {
  /// The tables of the `limit` classes with the most rows, called by `names`.
  package func tables(_ names: [String], limit: Int) -> ConfusionTables {
    let (shown, scores) = (largest(limit), classes)
    return ConfusionTables(
      shown.map { index in
        let score = scores[index]
        return ConfusionTables.Row(
          name: names[index], support: score.support, precision: score.precision,
          recall: score.recall, f1: score.f1)
      },
      counts: shown.map { label in shown.map { self[label, $0] } },
      hidden: classCount - shown.count)
  }

  /// The members `confusion` and `classes` of a document: all counts by true class and answer, and
  /// the scores of each class.
  package func document(_ names: [String]) -> (confusion: JSONValue, classes: JSONValue) {
    let confusion: JSONValue = .object([
      "labels": .array(names.map { .string($0) }),
      "counts": .array(rows.map { row in .array(row.map { .integer($0) }) }),
    ])
    let classes = zip(names, self.classes).map { name, score -> JSONValue in
      .object([
        "label": .string(name), "support": .integer(score.support),
        "answered": .integer(score.answered), "precision": .number(score.precision),
        "recall": .number(score.recall), "f1": .number(score.f1),
      ])
    }
    return (confusion, .array(classes))
  }
}
