import Foundation
import PEFTModels
import PEFTRuns
import PEFTTensor
import PEFTTrain

private let plannedSteps = 9
private let recipe: JSONObject = ["version": .integer(2), "seed": .string("1")]

/// A directory of this process.
private let directory: String = {
  let path = NSTemporaryDirectory() + "peft-fuzz-checkpoint-\(getpid())"
  try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}()

/// A model of which two small tensors train.
private nonisolated(unsafe) let model: TransformerModel = {
  let configuration = EncoderConfiguration(
    family: .bert, vocabularySize: 8, hiddenSize: 4, layerCount: 1, headCount: 1,
    intermediateSize: 4, positionCount: 4, tokenTypeCount: 1, epsilon: 1e-12, activation: .gelu,
    hiddenDropout: 0, attentionDropout: 0, classifierDropout: nil, paddingID: 0,
    initializerRange: 0.02, labelNames: nil)
  let model = TransformerModel(
    configuration: .encoder(configuration), output: .classes(2, pooling: .mean))
  let generator = SeededGenerator(seed: 1, purpose: "fuzz")
  model.initializeWeights(using: generator)
  HeadTuning().attach(to: model, using: generator)
  return model
}()

/// Any bytes either are a checkpoint or throw. After an even byte they are the manifest beside a
/// state that is whole, whose SHA-256 takes the place of `WHOLE`; after an odd one the state that a
/// manifest names. What is read is a state in the midst of the run, of the shapes of the model.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCheckpoint(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeBufferPointer(start: start, count: count)
  guard let choice = bytes.first else { return 0 }
  let content = Data(bytes.dropFirst())
  func write(_ data: Data, to name: String) {
    guard (try? data.write(to: URL(filePath: directory + "/" + name))) != nil else {
      fatalError("\(directory) cannot be written to")
    }
  }
  if choice.isMultiple(of: 2) {
    let text = String(decoding: content, as: UTF8.self).replacing("WHOLE", with: wholeDigest)
    write(Data(text.utf8), to: TrainingState.manifestName)
  } else {
    let name = "checkpoint-1.safetensors"
    write(content, to: name)
    guard let digest = try? Fingerprint.file(directory + "/" + name) else { fatalError(name) }
    let manifest =
      #"{"format":2,"recipe":{"version":2,"seed":"1"},"states":[{"step":3,"#
      + #""files":{"\#(name)":"\#(digest)"}}]}"#
    write(Data(manifest.utf8), to: TrainingState.manifestName)
  }
  guard var store = try? CheckpointStore<TrainingState>.open(directory, recipe: recipe),
    let state = try? store.load(for: (model, plannedSteps)).state
  else { return 0 }
  precondition((0..<plannedSteps).contains(state.step), "a step outside of the run")
  let shapes = Dictionary(
    uniqueKeysWithValues: model.trainableParameters.map { ($0.name, $0.trainableShape) })
  precondition(state.values.mapValues(\.shape) == shapes, "values of other shapes")
  for slot in ["mean", "meanSquare"] {
    precondition(
      state.optimizer.slots[slot]?.mapValues(\.shape) == shapes, "moments of other shapes")
  }
  precondition(state.optimizer.counters["step"] == state.step, "the optimizer is at another step")
  precondition(state.best.map { $0.values.mapValues(\.shape) == shapes } != false, "another best")
  precondition(state.best.map { $0.step <= state.step } != false, "a best of the future")
  return 0
}

/// The SHA-256 of a state that the seed manifest names, zeros after step 3, which is written.
private let wholeDigest: String = {
  let outputs = ["value", "mean", "meanSquare"].flatMap { prefix in
    model.trainableParameters.map { parameter in
      let shape = parameter.gradientShape.extents
      return SafetensorsOutput(
        name: "\(prefix).\(parameter.name)", shape: shape,
        floats: Array(repeating: 0, count: shape.reduce(1, *)))
    }
  }
  let metadata = [
    "step": "3", "optimizerStep": "3", "evaluationsSinceBest": "0", "seconds": "0.5",
    "warmSeconds": "0.25", "warmTokens": "12",
  ]
  let path = directory + "/checkpoint-3.safetensors"
  do {
    try SafetensorsWriter.write(outputs, metadata: metadata, to: path)
    return try Fingerprint.file(path)
  } catch {
    fatalError("\(error)")
  }
}()
