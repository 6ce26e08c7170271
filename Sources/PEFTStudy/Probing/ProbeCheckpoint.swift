import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// The state of a probe for a `CheckpointStore`, in two files.
///
/// One has the sums of gradients and the head and, if the probe follows a training run, that run's
/// parameters and optimizer. The other has the results of the probes.
///
/// The first file is large; finished probes alone do not change it. Records are Float64, stored as
/// their bits in I64.
public struct ProbeCheckpoint {
  let state: ProbeState
  /// The names of the parameters, in the order of the sums.
  let names: [String]
  let head: [Tensor]
  let seconds: Double
  let headSeconds: Double
  /// The number of direction batches before the steps of all parameters that their disagreement
  /// called for; nil if there were no such steps.
  let earlierBatches: Int?
}

extension ProbeCheckpoint: CheckpointState {
  /// The probe to which a state belongs.
  public struct Subject {
    /// The parameters whose gradients are summed, including candidates.
    let parameters: [ModelParameter]
    let head: [Parameter]
    let groupCount: Int
    let path: ProbeSettings.Path
  }

  /// The name of the manifest.
  public static var manifestName: String { "probe-checkpoint.json" }
  /// The names of the two files without the numbers of batches and probes.
  public static var partNames: [String] { [gradientsName, recordsName] }
  private static var gradientsName: String { "probe-gradients" }
  private static var recordsName: String { "probe-records" }

  /// The numbers of batches and probes, and the seconds.
  public var numbers: JSONObject {
    var object: JSONObject = [
      "seconds": .number(seconds), "headSeconds": .number(headSeconds),
      "directionBatches": .integer(state.directionBatches), "probes": .integer(state.probesDone),
    ]
    object["earlierBatches"] = earlierBatches.map { .integer($0) }
    return object
  }

  /// The numbers of batches and probes, in words.
  public var progress: String {
    "\(state.directionBatches) direction batches and \(state.probesDone) probes"
  }

  /// The gradients, and the records.
  public var parts: [CheckpointPart] {
    func named(_ tensors: [Tensor]) -> [String: Tensor] {
      Dictionary(uniqueKeysWithValues: zip(names, tensors))
    }
    var tensors =
      CheckpointPart.outputs("sum", named(state.sums))
      + CheckpointPart.outputs("square", named(state.squares))
      + CheckpointPart.outputs(
        "head", Dictionary(uniqueKeysWithValues: zip(head.indices.map(String.init), head)))
    if let training = state.training {
      tensors += CheckpointPart.outputs("value", named(training.values))
      for (slot, values) in training.optimizer.slots.sorted(by: { $0.key < $1.key }) {
        tensors += CheckpointPart.outputs(slot, values)
      }
    }
    func bits(_ values: [Double]) -> [Int64] { values.map { Int64(bitPattern: $0.bitPattern) } }
    var records = state.records[0].enumerated().map { index, record in
      SafetensorsOutput(
        name: "record.\(index)", shape: [6 * record.groupCount + 1],
        integers: [Int64(record.exampleCount)] + bits(record.rows.flatMap { $0 }))
    }
    if let matrix = state.interactions[0] {
      records.append(
        SafetensorsOutput(name: "interactions", shape: [matrix.count], integers: bits(matrix)))
    }
    return [
      CheckpointPart(
        Self.gradientsName,
        key: "\(state.directionBatches)" + (earlierBatches == nil ? "" : "-warm"),
        tensors: tensors),
      CheckpointPart(Self.recordsName, key: "\(state.probesDone)", tensors: records),
    ]
  }

  /// Reads a state back.
  ///
  /// Throws `malformed` for a state of other parameters, or for one with more batches or probes
  /// than its probe has.
  public init(from files: CheckpointFiles, for subject: Subject) throws(FileError) {
    let batches = try files.numbers.count("directionBatches")
    let probes = try files.numbers.count("probes")
    let isWithin =
      switch subject.path {
      case .held(let count): batches <= count
      case .training(let steps, let period, _): batches <= steps && probes == batches / period
      }
    guard isWithin else {
      throw files.malformed(
        Self.gradientsName, "the state has more gradients or probes than are asked for")
    }
    let parameters = subject.parameters.map(\.parameter)
    let shapes = parameters.map { (name: $0.name, shape: $0.shape) }
    func named(_ prefix: String) throws(FileError) -> [String: Tensor] {
      try files.tensors(prefix, shapes, in: Self.gradientsName)
    }
    func tensors(_ prefix: String) throws(FileError) -> [Tensor] {
      let named = try named(prefix)
      return parameters.compactMap { named[$0.name] }
    }
    let head = try files.tensors(
      "head", subject.head.enumerated().map { ("\($0)", $1.shape) }, in: Self.gradientsName)
    var training: ProbeState.Training?
    if case .training = subject.path {
      training = ProbeState.Training(
        values: try tensors("value"),
        optimizer: OptimizerState(
          counters: ["step": batches],
          slots: ["mean": try named("mean"), "meanSquare": try named("meanSquare")]))
    }
    let (records, interactions) = try Self.records(
      in: files, count: probes, groupCount: subject.groupCount)
    self.init(
      state: ProbeState(
        directionBatches: batches, sums: try tensors("sum"), squares: try tensors("square"),
        records: [records], interactions: [interactions], training: training),
      names: parameters.map(\.name), head: subject.head.indices.compactMap { head["\($0)"] },
      seconds: try files.numbers.seconds("seconds"),
      headSeconds: try files.numbers.seconds("headSeconds"),
      earlierBatches: try files.numbers.countIfPresent("earlierBatches"))
  }

  private static func records(
    in files: CheckpointFiles, count: Int, groupCount: Int
  ) throws(FileError) -> ([ProbeRecord], [Double]?) {
    let reader = files[recordsName]
    func numbers(_ name: String, _ count: Int) throws(FileError) -> [Int64] {
      guard reader.entry(name)?.shape == [count] else {
        throw files.malformed(recordsName, at: name, "it is missing or has another size")
      }
      return try reader.integers(of: name)
    }
    func value(_ bits: Int64) -> Double { Double(bitPattern: UInt64(bitPattern: bits)) }
    var records: [ProbeRecord] = []
    for index in 0..<count {
      let name = "record.\(index)"
      let all = try numbers(name, 6 * groupCount + 1)
      guard (1...Int64(CheckedNumbers.largestCount)).contains(all[0]) else {
        throw files.malformed(
          recordsName, at: name, "it is not of 1 to \(CheckedNumbers.largestCount) examples")
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
        throw files.malformed(
          recordsName, at: name, "a slope, a curvature or a variance is invalid")
      }
      records.append(record)
    }
    let matrix =
      reader.entry("interactions") == nil
      ? nil : try numbers("interactions", groupCount * groupCount).map(value)
    return (records, matrix)
  }
}
