import Foundation
import PEFTNetwork
import PEFTTensor

extension PredictionTask {
  /// The scores on `data` of an answer that reads no text: the most frequent class, the mean of the
  /// labels, or for language models the frequencies of tokens. Nil for data without labels.
  ///
  /// The loss of a baseline for classes is the cross entropy of the classes' frequencies; it is
  /// left out if one of the evaluated classes has the frequency 0.
  ///
  /// - Parameters:
  ///   - training: the counts of the training data; if nil, the evaluated data are used.
  ///   - generator: chooses the tokens to mask, as in the evaluation.
  ///   - vocabularySize: the number of tokens of the model's vocabulary.
  public func baseline(
    on data: EncodedDataset, from training: TargetCounts?, maskingWith generator: SeededGenerator,
    vocabularySize: Int
  ) -> Baseline? {
    guard
      let evaluated = data.targetCounts(
        classCount: classes?.count ?? 0, vocabularySize: vocabularySize, maskingWith: generator),
      evaluated.total > 0
    else { return nil }
    if self is Retrieval { return data.rankedPairs.map(Self.chance(of:)) }
    switch (training ?? evaluated, evaluated) {
    case (.classes(let known), .classes(let counts)) where known.count == counts.count:
      return baseline(of: known, training == nil ? .evaluated : .training, on: data, counts)
    case (.labels(let known, let rows), .labels) where known.count == classes?.count:
      return baseline(
        ofLabels: known, among: rows, training == nil ? .evaluated : .training, on: data)
    case (.values(_, let mean), .values(let count, _)):
      return baseline(of: mean, training == nil ? .evaluated : .training, on: data, count)
    case (.tokens(let known, let size), .tokens(let tokens, _)):
      let loss = UnigramModel(known, vocabularySize: training == nil ? known.count : size)
        .loss(of: tokens)
      return Baseline(
        description: "predicting every token by its frequency in "
          + (training == nil ? "these data" : "the training data"),
        answer: nil, source: training == nil ? .evaluated : .training, rowCount: evaluated.total,
        metrics: metrics(of: [], targets: nil, loss: loss, terms: evaluated.total))
    default: return nil
    }
  }

  /// The expected scores of a random order: each pair's second text is ranked among the distinct
  /// second texts but for the other right ones.
  private static func chance(of pairs: [(first: [Int32], second: [Int32])]) -> Baseline {
    let texts = Set(pairs.map(\.second)).count
    var right: [[Int32]: Set<[Int32]>] = [:]
    for pair in pairs { right[pair.first, default: []].insert(pair.second) }
    var sums = (accuracy: 0.0, reciprocal: 0.0, recall: 0.0, loss: 0.0)
    var harmonic = [0.0]
    for place in 1...texts { harmonic.append(harmonic[place - 1] + 1 / Double(place)) }
    for pair in pairs {
      let count = texts - (right[pair.first]?.count ?? 1) + 1
      sums.accuracy += 1 / Double(count)
      sums.reciprocal += harmonic[count] / Double(count)
      sums.recall += min(1, 10 / Double(count))
      sums.loss += log(Double(count))
    }
    let rows = Double(pairs.count)
    return Baseline(
      description: "ranking these \(texts) texts at random", answer: nil, source: .evaluated,
      rowCount: pairs.count,
      metrics: [
        ("accuracy", sums.accuracy / rows), ("mrr", sums.reciprocal / rows),
        ("recall10", sums.recall / rows), ("loss", sums.loss / rows),
      ])
  }

  private func baseline(
    of known: [Int], _ source: Baseline.Source, on data: EncodedDataset, _ counts: [Int]
  ) -> Baseline? {
    guard let majority = TargetCounts.classes(known).majority, let classes else { return nil }
    let total = Double(known.reduce(0, +))
    let rows = counts.reduce(0, +)
    let loss = zip(known, counts).reduce(0) { sum, pair in
      pair.1 == 0 ? sum : sum + Double(pair.1) / Double(rows) * log(total / Double(pair.0))
    }
    let name = classes.names[majority]
    return Baseline(
      description: "always answering \"\(name)\", the most frequent label of "
        + (source == .training ? "the training data" : "these data"),
      answer: name, source: source, rowCount: rows,
      metrics: metrics(
        of: (0..<rows).flatMap { _ in
          [Double(majority)] + (answerCount > 1 ? [Double(known[majority]) / total] : [])
        }, targets: data.targets, loss: loss, terms: rows))
  }

  /// The most frequent labels, as many as give the highest F1 of all labels together on the counted
  /// rows: of k labels with c_j rows each, 2 Σ c_j / (k · rows + Σ of all counts).
  private func baseline(
    ofLabels known: [Int], among rows: Int, _ source: Baseline.Source, on data: EncodedDataset
  ) -> Baseline? {
    guard case .labelSets(let sets)? = data.targets?.kind, let classes, rows > 0 else {
      return nil
    }
    let order = known.indices.sorted { (known[$1], $0) < (known[$0], $1) }
    // As numbers that cannot overflow, whatever a file says of its training data.
    let total = known.reduce(0.0) { $0 + Double($1) }
    var (hits, best, size) = (0.0, -1.0, 1)
    for (place, index) in order.enumerated() {
      hits += Double(known[index])
      let f1 = 2 * hits / (Double(place + 1) * Double(rows) + total)
      if f1 > best { (best, size) = (f1, place + 1) }
    }
    let chosen = order.prefix(size)
    let frequencies = known.map { Double($0) / Double(rows) }
    // Chosen labels are above one half, and the order stays that of the frequencies.
    let answer = known.indices.map { frequencies[$0] / 2 + (chosen.contains($0) ? 0.5 : -1e-9) }
    var loss = 0.0
    for present in sets {
      let present = Set(present)
      for (index, frequency) in frequencies.enumerated() {
        let probability = present.contains(index) ? frequency : 1 - frequency
        loss -= log(probability) / Double(sets.count * known.count)
      }
    }
    let task = (self as? MultiLabelClassification).map { $0.answering(from: 0.5) }
    let names = chosen.map { classes.names[$0] }
    return Baseline(
      description:
        "always answering the \(size == 1 ? "label" : "\(size) labels") most frequent in "
        + (source == .training ? "the training data" : "these data"),
      answer: names.joined(separator: ", "), source: source, rowCount: sets.count,
      metrics: task?.metrics(
        of: sets.flatMap { _ in answer }, targets: data.targets, loss: loss, terms: sets.count)
        ?? [])
  }

  private func baseline(
    of mean: Double, _ source: Baseline.Source, on data: EncodedDataset, _ count: Int
  ) -> Baseline? {
    guard case .values(let values)? = data.targets?.kind else { return nil }
    let loss = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / Double(count) }
    let name = String(format: "%.4g", mean)
    return Baseline(
      description: "always answering \(name), the mean label of "
        + (source == .training ? "the training data" : "these data"),
      answer: name, source: source, rowCount: count,
      metrics: metrics(
        of: Array(repeating: mean, count: count), targets: data.targets, loss: loss, terms: count))
  }

  /// Warnings about the `metrics` of a model on `data`: that it gives one answer to all rows, and
  /// that it is not distinguishably better than `baseline`.
  ///
  /// - Parameters:
  ///   - split: the data, for the messages.
  ///   - matrix: the model's answers, if they are known.
  public func warnings(
    about metrics: [(name: String, value: Double)], on data: EncodedDataset, split: String,
    baseline: Baseline?, answers matrix: ConfusionMatrix? = nil
  ) -> [String] {
    var warnings: [String] = []
    let known = matrix?.onlyAnswer.flatMap { index in classes.map { "\"\($0.names[index])\"" } }
    if let answer = known ?? onlyAnswer(in: metrics, on: data) {
      warnings.append("\(split): the model answers \(answer) for every row")
    }
    if let warning = baseline?.warning(about: metrics, by: primaryMetric, on: split) {
      warnings.append(warning)
    }
    return warnings
  }

  /// The answer that a model with these `metrics` gives to every row of `data`, for a message; nil
  /// if it gives several, or if the metrics do not show it.
  ///
  /// A classifier that answers one class is recognised by its metrics, which are then those of that
  /// class. For two classes nothing else has the same metrics; for more, hardly anything.
  public func onlyAnswer(
    in metrics: [(name: String, value: Double)], on data: EncodedDataset
  ) -> String? {
    func value(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
    switch data.targets?.kind {
    case .values(let values) where values.contains { $0 != values[0] }:
      return value("pearson") == 0 && value("spearman") == 0 ? "the same number" : nil
    case .classes(let labels) where self is Classification && !labels.isEmpty:
      guard let classes, value("matthews") == 0, let accuracy = value("accuracy") else {
        return nil
      }
      let count = Double(labels.count)
      for (index, name) in classes.names.enumerated() {
        guard Double(labels.count { $0 == index }) / count == accuracy else { continue }
        let constant = ClassificationMetrics(
          predictions: Array(repeating: index, count: labels.count), labels: labels,
          classCount: classes.count)
        if constant.macroF1 == value("macroF1"), constant.f1 == value("f1") {
          return "\"\(name)\""
        }
      }
      return nil
    default: return nil
    }
  }
}
