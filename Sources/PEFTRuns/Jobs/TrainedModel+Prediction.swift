import PEFTData
import PEFTTensor

extension TrainedModel {
  /// The predictions for `texts`, in order.
  ///
  /// What a prediction has depends on the task. For classes it is the `label`, the `probabilities`
  /// of all by name and the `logits`; for several labels of a text, the `labels`; for regression,
  /// the `value`; for tags, the words with their tags.
  ///
  /// Throws `InvalidSetting` for a language model, and the errors of `data(of:name:)`, such as for
  /// a model of pairs.
  public func predict(_ texts: [String]) throws -> [JSONObject] {
    guard let task, !task.isLanguage else {
      throw InvalidSetting("a language model predicts no labels: generate text with it")
    }
    let data = try data(of: texts.map { (text: $0, pair: nil) }, name: "`texts`")
    let encoded = try task.encodeUnlabelled(data.rows, by: data.reader)
    var predictions: [JSONObject] = []
    model.predict(encoded) { logits in
      let index = predictions.count
      predictions.append(
        task.prediction(
          logits, of: data.rows.examples[index], words: encoded.predictedWords(index)))
    }
    return predictions
  }
}
