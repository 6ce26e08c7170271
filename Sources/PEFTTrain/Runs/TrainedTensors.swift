import PEFTModels
import PEFTTensor

/// The tensors that trained, as a safetensors file: exactly those, head included.
public enum TrainedTensors {
  /// The file's name in a run directory.
  public static let fileName = "trained.safetensors"

  /// Writes the trainable parameters of `model`.
  public static func save(_ model: SequenceClassifier, to path: String) throws(FileError) {
    let tensors = model.trainableParameters.map { parameter in
      SafetensorsOutput(name: parameter.name, shape: parameter.shape.extents) {
        (body) throws(FileError) in
        try parameter.value.withUnsafeElements(body)
      }
    }
    try SafetensorsWriter.write(tensors, metadata: ["format": "pt"], to: path)
  }

  /// Reads them back. The file must have exactly the trainable parameters, in their shapes.
  public static func load(_ path: String, into model: SequenceClassifier) throws(FileError) {
    let file = try SafetensorsReader(path: path)
    let parameters = model.trainableParameters
    let expected = Set(parameters.map(\.name))
    if let stranger = file.tensorNames.first(where: { !expected.contains($0) }) {
      throw FileError(
        .malformed, path: path, place: "tensor \(stranger)",
        reason: "the method of this run does not train it")
    }
    for parameter in parameters {
      guard let entry = file.entry(parameter.name), entry.shape == parameter.shape.extents else {
        throw FileError(
          .malformed, path: path, place: "tensor \(parameter.name)",
          reason: "it is missing, or its shape is not \(parameter.shape)")
      }
      try parameter.value.withUnsafeMutableElements { (elements) throws(FileError) in
        try file.readFloats(of: parameter.name, into: elements)
      }
    }
  }
}
