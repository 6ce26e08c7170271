import PEFTTensor

/// The machine and software of a run; part of every result.
public enum EnvironmentReport {
  /// The file's name in a run directory.
  package static let fileName = "environment.json"

  /// The version of this package.
  public static let version = packageVersion

  /// The command line that started the work, quoted for a shell; nil if there is none.
  ///
  /// A command binds it around its work with `$command.withValue`.
  @TaskLocal public static var command: String?

  /// The current environment.
  public static var json: JSONValue {
    var environment: JSONObject = [
      "peft": .string(version),
      "processor": .string(Processor.modelName),
      "cores": .integer(Processor.availableCores),
      "workers": .integer(WorkerPool.shared.workerCount),
      "instructionSet": .string(VectorKernels.active.instructionSet.rawValue),
      "blas": .string(Processor.blasConfiguration),
      "blasCore": .string(Processor.blasCoreName),
    ]
    environment["command"] = command.map { .string($0) }
    return .object(environment)
  }

  /// Writes the environment into a directory.
  public static func write(to output: OutputDirectory) throws(FileError) {
    try JSONFile.write(json, to: try output.file(fileName))
  }

  /// The current environment as names and texts, for pages and tables.
  public static var facts: [(String, String)] { facts(of: json) }

  /// A stored environment as names and texts.
  package static func facts(of json: JSONValue) -> [(String, String)] {
    json.object.map { object in
      object.members.map { ($0.key, $0.value.string ?? $0.value.text()) }
    } ?? []
  }
}
