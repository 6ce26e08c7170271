import PEFTNetwork
import PEFTTensor

extension TransformerModel {
  /// The gradients of SynFlow (Tanaka et al. 2020, arXiv 2006.05467, as SPEFT computes it): ∂R/∂W,
  /// where R is the sum of the outputs of a network without nonlinearities, with |θ| for every
  /// parameter θ, on one token whose word embedding is a vector of ones.
  ///
  /// Without nonlinearities means without activations, and with attention scores in place of their
  /// softmax; norms remain. The outputs are logits, or the elements of an embedding if the model
  /// compares texts. No data takes part. Parameters that want no gradient have none. The values of
  /// all parameters are restored, bit for bit.
  package func synapticFlow() -> GradientAccumulator {
    let parameters = parameters.map(\.parameter)
    let origins = parameters.map(\.origin)
    let signs = parameters.map { $0.value.dropSigns() }
    defer {
      for (index, parameter) in parameters.enumerated() {
        parameter.value.restoreSigns(signs[index])
        parameter.origin = origins[index]
      }
    }
    let tape = Tape(skippingNonlinearities: true)
    let batch = PackedBatch(sequences: [[0]])
    let ones = Tensor(repeating: 1, shape: [1, wordTable.shape.columns])
    let word = wordTable.value.rows(0..<1)
    wordTable.updateValue(of: .rows([0])) { $0 = ones }
    var x = backbone.embed(batch, on: tape)
    wordTable.updateValue(of: .rows([0])) { $0 = word }
    for layer in backbone.layers { x = layer(x, on: tape) }
    x = backbone.finish(x, on: tape)
    let features = head.features(x, of: batch, on: tape)
    var outputs = features
    if case .pairs = output {} else { outputs = head.output(of: features, on: tape) }
    if let vocabulary {
      outputs = tape.linear(outputs, weight: vocabulary.table, bias: vocabulary.bias)
    }
    let gradients = GradientAccumulator()
    tape.pullBack(
      Tensor(repeating: 1, shape: outputs.value.shape), from: outputs, to: gradients)
    return gradients
  }
}

extension Tensor {
  /// Makes every element its absolute value. Returns the sign bits of all elements, in words of 32.
  fileprivate mutating func dropSigns() -> [UInt32] {
    withUnsafeMutableElements { elements in
      var signs = [UInt32](repeating: 0, count: (elements.count + 31) / 32)
      for index in elements.indices where elements[index].sign == .minus {
        signs[index / 32] |= 1 << UInt32(index % 32)
        elements[index].negate()
      }
      return signs
    }
  }

  /// Undoes `dropSigns`.
  fileprivate mutating func restoreSigns(_ signs: [UInt32]) {
    withUnsafeMutableElements { elements in
      for index in elements.indices where signs[index / 32] >> UInt32(index % 32) & 1 == 1 {
        elements[index].negate()
      }
    }
  }
}
