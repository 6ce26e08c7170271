import PEFTTensor

/// Where and with what a run was made; part of every result.
public enum EnvironmentReport {
  /// The version of this package.
  public static let version = "0.1.0"

  /// The environment now.
  public static var json: JSONValue {
    .object([
      "peft": .string(version),
      "processor": .string(Processor.modelName),
      "cores": .integer(Processor.availableCores),
      "workers": .integer(WorkerPool.shared.workerCount),
      "instructionSet": .string(VectorKernels.active.instructionSet.rawValue),
      "blas": .string(Processor.blasConfiguration),
      "blasCore": .string(Processor.blasCoreName),
    ])
  }

  /// The same as names and texts, for pages and tables.
  public static var facts: [(String, String)] {
    json.object?.members.map { ($0.key, $0.value.string ?? $0.value.text()) } ?? []
  }
}
