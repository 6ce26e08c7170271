import Foundation
import PEFTModels
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// A directory of this process.
private let directory: String = {
  let path = NSTemporaryDirectory() + "peft-fuzz-\(getpid())"
  try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  let tensor = SafetensorsOutput(
    name: "score.weight", shape: [2, 4], floats: Array(repeating: 0, count: 8))
  try? SafetensorsWriter.write([tensor], to: path + "/adapter_model.safetensors")
  return path
}()

/// A model over whose width the adapter's classifier is.
private let configuration = ModelConfiguration.gpt2(
  GPT2Configuration(
    vocabularySize: 8, hiddenSize: 4, layerCount: 1, headCount: 1, positionCount: 4))

/// Any bytes either are the file of a run that the first byte chooses, or throw; what is read can
/// be written, and is then read as the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRunFiles(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeBufferPointer(start: start, count: count)
  guard let choice = bytes.first else { return 0 }
  let content = Data(bytes.dropFirst())
  func write(_ name: String) {
    guard (try? content.write(to: URL(filePath: directory + "/" + name))) != nil else {
      fatalError("\(directory) cannot be written to")
    }
  }
  switch choice % 5 {
  case 0:
    write(RunManifest.fileName)
    guard let manifest = try? RunManifest.read(directory) else { return 0 }
    precondition(
      manifest.counts.trainable > 0 && !manifest.files.keys.contains { $0.contains("/") })
    guard (try? JSONFile.write(manifest.json, to: directory + "/" + RunManifest.fileName)) != nil,
      let again = try? RunManifest.read(directory)
    else { fatalError("a manifest is not read as it was written") }
    // As texts: a metric that is no number is null there, and not equal to itself in memory.
    precondition(
      again.json.text() == manifest.json.text(), "a manifest changes when it is written")
  case 1:
    write(Plan.fileName)
    guard let plan = try? Plan.read(directory) else { return 0 }
    precondition(!plan.groups.isEmpty && plan.budget > 0)
    _ = try? plan.check()
  case 2:
    write(Influence.fileName)
    guard let influence = try? Influence.read(directory) else { return 0 }
    precondition(influence.values.allSatisfy { $0 >= 0 })
  case 3:
    write(Comparison.fileName)
    guard let comparison = try? Comparison.read(directory) else { return 0 }
    _ = comparison.json
    _ = comparison.split
  default:
    write("adapter_config.json")
    _ = try? AdapterFile(directory).output(for: configuration)
  }
  return 0
}
