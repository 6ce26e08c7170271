import PEFTData
import PEFTModels
import PEFTTensor

extension TransformerModel {
  /// Calls `body` with the embedding of each text of `data`, in order: h numbers.
  ///
  /// The output of the model must be pairs, whose pooling makes the embeddings. The model runs
  /// without dropout and without recording, on texts of similar length together.
  ///
  /// - Parameter normalized: whether embeddings have the length 1; a zero vector stays zero.
  public func embed(
    _ data: EncodedDataset, normalized: Bool, _ body: (_ embedding: [Float]) throws -> Void
  ) rethrows {
    guard case .pairs = output else { preconditionFailure("embed: the model has another output") }
    var start = 0
    while start < data.count {
      let range = start..<min(data.count, start + Self.embeddedAtOnce)
      var found = [[Float]](repeating: [], count: range.count)
      frozen {
        for indices in Self.evaluationBatches(of: data, range) {
          let features = features(data.texts(indices), on: Tape()).value
          let rows = normalized ? features.withNormalizedRows : features
          for (place, index) in indices.enumerated() {
            found[index - range.lowerBound] = rows.row(place)
          }
        }
      }
      for embedding in found { try body(embedding) }
      start = range.upperBound
    }
  }

  /// The number of texts whose embeddings are held to restore their order.
  private static let embeddedAtOnce = 4096
}

extension Tensor {
  /// The rows, each divided by its length; a row of zeros stays.
  ///
  /// - Accuracy: lengths are summed in Double.
  var withNormalizedRows: Tensor {
    var result = self
    let width = shape.columns
    result.withUnsafeMutableElements { elements in
      for start in stride(from: 0, to: elements.count, by: width) {
        let row = start..<start + width
        let length = elements[row].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard length > 0 else { continue }
        for place in row { elements[place] = Float(Double(elements[place]) / length) }
      }
    }
    return result
  }

  /// The inner product of two rows, their cosine if both have the length 1.
  func cosine(_ first: Int, _ second: Int) -> Float {
    let width = shape.columns
    return withUnsafeElements { elements in
      Float(
        (0..<width).reduce(0.0) {
          $0 + Double(elements[first * width + $1]) * Double(elements[second * width + $1])
        })
    }
  }

  /// The elements of row `number`.
  fileprivate func row(_ number: Int) -> [Float] {
    let width = shape.columns
    return withUnsafeElements { Array($0[number * width..<(number + 1) * width]) }
  }
}
