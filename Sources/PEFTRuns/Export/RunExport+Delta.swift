import Foundation
import PEFTModels
import PEFTTensor

extension RunExport {
  /// Writes the tensors that trained, and a manifest that binds them to the base. The manifest does
  /// not record the base's directory, because a delta is meant to be moved.
  func writeDelta(to output: OutputDirectory) throws(FileError) -> [String] {
    let tensors = try output.file(TrainedTensors.fileName)
    try TrainedTensors.save(trained.model, drawn: drawn, to: tensors)
    var delta = manifest
    delta.modelDirectory = URL(filePath: base).lastPathComponent
    delta.modelFiles = try files.digests()
    delta.recipe = nil
    delta.files = [TrainedTensors.fileName: try Fingerprint.file(tensors)]
    try delta.write(to: output.file(RunManifest.fileName))
    return [TrainedTensors.fileName, RunManifest.fileName]
  }
}
