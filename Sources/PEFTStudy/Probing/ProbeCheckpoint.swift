import Foundation
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// The state of a probe on disk: the sums of gradients and the head in one file, with the
/// parameters and the optimizer of a training run where it probes along one, what the
/// probes found in another, and `probe-checkpoint.json`, which names both with their
/// SHA-256 and is written after them.
///
/// Records are Float64, kept as their bits in I64.
public struct ProbeCheckpoint {
  /// The name of the manifest.
  public static let manifestName = "probe-checkpoint.json"
  private static let formatVersion = 1
  private let output: OutputDirectory
  /// The directory.
  var path: String { output.path }
  private var directory: String { output.path }
  private let recipe: JSONObject
  private var gradients: (file: String, digest: String, batches: Int)?

  /// What goes on.
  struct Saved {
    let state: ProbeState
    let head: [Tensor]
    let seconds: Double
    let headSeconds: Double
  }

  /// A checkpoint in `output`; `recipe` is everything that distinguishes this probe.
  init(in output: OutputDirectory, recipe: JSONObject) {
    self.output = output
    self.recipe = recipe
  }

  /// Writes a state.
  mutating func save(
    _ state: ProbeState, head: [Tensor], of parameters: [ModelParameter], seconds: Double,
    headSeconds: Double
  ) throws(FileError) {
    let recordsFile = "probe-records-\(state.probesDone).safetensors"
    try output.claim([
      Self.manifestName, recordsFile, Self.gradientsFile(state.directionBatches),
    ])
    let gradients = try self.gradients(of: state, head: head, parameters)
    self.gradients = gradients
    try SafetensorsWriter.write(Self.outputs(of: state), to: directory + "/" + recordsFile)
    try JSONFile.write(
      .object([
        "format": .integer(Self.formatVersion), "recipe": .object(recipe),
        "seconds": .number(seconds), "headSeconds": .number(headSeconds),
        "directionBatches": .integer(state.directionBatches),
        "probes": .integer(state.probesDone),
        "files": .object([
          gradients.file: .string(gradients.digest),
          recordsFile: .string(try Fingerprint.file(directory + "/" + recordsFile)),
        ]),
      ]), to: directory + "/" + Self.manifestName)
    try output.remove(
      output.files { Self.isState($0) && ![gradients.file, recordsFile].contains($0) })
  }

  private static func gradientsFile(_ batches: Int) -> String {
    "probe-gradients-\(batches).safetensors"
  }

  /// Whether a file of this name is the manifest or holds a part of a state.
  static func isPart(_ name: String) -> Bool { name == manifestName || isState(name) }

  /// Whether a file of this name holds a part of a state.
  private static func isState(_ name: String) -> Bool {
    name.wholeMatch(of: /probe-(gradients|records)-[0-9]+\.safetensors/) != nil
  }

  private func gradients(
    of state: ProbeState, head: [Tensor], _ parameters: [ModelParameter]
  ) throws(FileError) -> (file: String, digest: String, batches: Int) {
    if let gradients, gradients.batches == state.directionBatches { return gradients }
    let file = Self.gradientsFile(state.directionBatches)
    let names = parameters.map(\.parameter.name)
    func outputs(_ prefix: String, _ names: [String], _ tensors: [Tensor]) -> [SafetensorsOutput] {
      zip(names, tensors).map { name, tensor in
        SafetensorsOutput(name: "\(prefix).\(name)", shape: tensor.shape.extents) {
          (body) throws(FileError) in try tensor.withUnsafeElements(body)
        }
      }
    }
    var tensors =
      outputs("sum", names, state.sums) + outputs("square", names, state.squares)
      + outputs("head", head.indices.map(String.init), head)
    if let training = state.training {
      tensors += outputs("value", names, training.values)
      for (slot, named) in training.optimizer.slots.sorted(by: { $0.key < $1.key }) {
        tensors += outputs(slot, names, names.compactMap { named[$0] })
      }
    }
    try SafetensorsWriter.write(tensors, to: directory + "/" + file)
    return (file, try Fingerprint.file(directory + "/" + file), state.directionBatches)
  }

  /// Reads the state back; nil where there is none.
  ///
  /// Throws `malformed` for one of another recipe, or whose files are not those that were written.
  ///
  /// - Parameter isTraining: whether the probe is one along a training run.
  mutating func load(
    parameters: [ModelParameter], head: [Parameter], groupCount: Int, isTraining: Bool
  ) throws(FileError) -> Saved? {
    let path = directory + "/" + Self.manifestName
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let manifest = try JSONValue(contentsOf: path)
    func malformed(_ reason: String) -> FileError {
      FileError(
        .malformed, path: path, reason: reason, remedy: "probe again with `overwrite`")
    }
    guard manifest["format"]?.integer == Self.formatVersion,
      let found = manifest["recipe"]?.object, let files = manifest["files"]?.object
    else { throw malformed("not a checkpoint of a probe of this version") }
    let numbers = CheckedNumbers(manifest, path: path, remedy: "probe again with `overwrite`")
    let (seconds, headSeconds) = (
      try numbers.seconds("seconds"), try numbers.seconds("headSeconds")
    )
    let batches = try numbers.count("directionBatches")
    let probes = try numbers.count("probes")
    try Recipe.check(found, is: recipe, path: path)
    var digests: [String: String] = [:]
    for (name, digest) in files.members {
      guard !name.contains("/"), try Fingerprint.file(directory + "/" + name) == digest.string
      else {
        throw malformed("the SHA-256 of \(name) is not the one it had")
      }
      digests[name] = digest.string
    }
    let gradientsFile = Self.gradientsFile(batches)
    guard let digest = digests[gradientsFile],
      digests["probe-records-\(probes).safetensors"] != nil
    else { throw malformed("its files are not described") }
    let reader = try SafetensorsReader(path: directory + "/" + gradientsFile)
    func tensors(_ prefix: String, _ names: [String], _ shapes: [Shape]) throws(FileError)
      -> [Tensor]
    {
      var result: [Tensor] = []
      for (name, shape) in zip(names, shapes) {
        guard reader.entry("\(prefix).\(name)")?.shape == shape.extents else {
          throw malformed("\(gradientsFile): \(prefix).\(name) is missing or has another shape")
        }
        result.append(Tensor(try reader.floats(of: "\(prefix).\(name)"), shape: shape))
      }
      return result
    }
    let (names, shapes) = (parameters.map(\.parameter.name), parameters.map(\.parameter.shape))
    let (records, interactions) = try records(probes, groupCount: groupCount)
    gradients = (gradientsFile, digest, batches)
    var training: ProbeState.Training?
    if isTraining {
      training = ProbeState.Training(
        values: try tensors("value", names, shapes),
        optimizer: OptimizerState(
          counters: ["step": batches],
          slots: [
            "mean": Dictionary(
              uniqueKeysWithValues: zip(names, try tensors("mean", names, shapes))),
            "meanSquare": Dictionary(
              uniqueKeysWithValues: zip(names, try tensors("meanSquare", names, shapes))),
          ]))
    }
    return Saved(
      state: ProbeState(
        directionBatches: batches, sums: try tensors("sum", names, shapes),
        squares: try tensors("square", names, shapes), records: [records],
        interactions: [interactions], training: training),
      head: try tensors("head", head.indices.map(String.init), head.map(\.shape)),
      seconds: seconds, headSeconds: headSeconds)
  }

  private static func outputs(of state: ProbeState) -> [SafetensorsOutput] {
    func bits(_ values: [Double]) -> [Int64] { values.map { Int64(bitPattern: $0.bitPattern) } }
    let records = state.records[0].enumerated().map { index, record in
      SafetensorsOutput(
        name: "record.\(index)", shape: [6 * record.groupCount + 1],
        integers: [Int64(record.exampleCount)] + bits(record.rows.flatMap { $0 }))
    }
    let matrix = state.interactions[0].map {
      SafetensorsOutput(name: "interactions", shape: [$0.count], integers: bits($0))
    }
    return records + (matrix.map { [$0] } ?? [])
  }

  private func records(
    _ count: Int, groupCount: Int
  ) throws(FileError) -> ([ProbeRecord], [Double]?) {
    let reader = try SafetensorsReader(
      path: directory + "/probe-records-\(count).safetensors")
    func wrong(_ name: String, _ reason: String) -> FileError {
      FileError(
        .malformed, path: reader.path, place: name, reason: reason,
        remedy: "probe again with `overwrite`")
    }
    func numbers(_ name: String, _ count: Int) throws(FileError) -> [Int64] {
      guard reader.entry(name)?.shape == [count] else {
        throw wrong(name, "it is missing or has another size")
      }
      return try reader.integers(of: name)
    }
    func value(_ bits: Int64) -> Double { Double(bitPattern: UInt64(bitPattern: bits)) }
    var records: [ProbeRecord] = []
    for index in 0..<count {
      let name = "record.\(index)"
      let all = try numbers(name, 6 * groupCount + 1)
      guard (1...Int64(CheckedNumbers.largestCount)).contains(all[0]) else {
        throw wrong(name, "it is not of 1 to \(CheckedNumbers.largestCount) examples")
      }
      let zeros = Array(repeating: 0.0, count: groupCount)
      var record = ProbeRecord(
        exampleCount: Int(all[0]), slopes: zeros, curvatures: zeros,
        isAccepted: zeros.map { _ in true })
      record.rows = (0..<6).map { row in
        all[(1 + row * groupCount)..<(1 + (row + 1) * groupCount)].map(value)
      }
      guard (record.slopes + record.curvatures).allSatisfy(\.isFinite),
        (record.slopeVariances + record.curvatureVariances).allSatisfy({ $0 >= 0 })
      else {
        throw wrong(name, "a slope, a curvature or a variance is invalid")
      }
      records.append(record)
    }
    let matrix =
      reader.entry("interactions") == nil
      ? nil : try numbers("interactions", groupCount * groupCount).map(value)
    return (records, matrix)
  }

  /// Removes manifest and files, the manifest first.
  public static func remove(from output: OutputDirectory) throws(FileError) {
    try output.remove([manifestName] + output.files(where: isState))
    try output.settle()
  }

  /// Removes what a process left that was killed when its probe had ended.
  public static func tidy(_ path: String) throws(FileError) {
    // Another process at work there needs no help.
    guard OutputMarker(directory: path).isThere,
      let output = try? OutputDirectory(path, as: .probe)
    else { return }
    try remove(from: output)
  }

  /// The files of a state in `directory`, by its manifest; nil where there is no
  /// manifest of a probe.
  ///
  /// For directories of earlier versions, which have no marker.
  public static func fileNames(in directory: String) throws(FileError) -> [String]? {
    let path = directory + "/" + manifestName
    guard try DirectoryHandle.entry(path) == .file else { return nil }
    let manifest = try JSONValue(contentsOf: path)
    guard manifest["recipe"]?.object != nil, manifest["files"]?.object != nil else { return nil }
    // One that a signal ended has what it had found by then.
    let findings = (try? Influence.read(directory)).map { _ in [Influence.fileName] }
    return try [manifestName, EnvironmentReport.fileName]
      + DirectoryHandle(directory).names().filter(isState) + (findings ?? [])
  }
}
