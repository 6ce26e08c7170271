import ArgumentParser
import Foundation
import PEFTRuns
import PEFTTensor

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Checks this machine: processor, BLAS, workers, memory and matrix products.",
    discussion: """
      Example:
        peft doctor --json
      """)

  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    let workers = WorkerPool.shared.workerCount
    let isRight = ProductCheck.selfTest()
    let single = ProductCheck.gigaflops(workers: 1)
    let all = workers > 1 ? ProductCheck.gigaflops(workers: workers) : single
    let singleBFloat = ProductCheck.gigaflops(workers: 1, precision: .bf16)
    let allBFloat =
      workers > 1 ? ProductCheck.gigaflops(workers: workers, precision: .bf16) : singleBFloat
    let available = Processor.availableMemory
    let blas = ProductCheck.blasGigaflops()
    let lost = ProductCheck.coreTypeWarning == nil ? nil : unforcedSpeed().map { $0 / blas }
    let warning = ProductCheck.coreTypeWarning.map { warning in
      warning
        + (lost.map { String(format: "; without it BLAS is %.2f times as fast here", $0) } ?? "")
    }
    if common.json {
      var document = EnvironmentReport.json.object ?? [:]
      document["supportedInstructionSets"] = .array(
        VectorKernels.supported.map { .string($0.rawValue) })
      document["mpi"] = Ranks.libraryVersion.map { .string($0) } ?? .null
      document["availableMemory"] = available == .max ? .null : .integer(available)
      document["selfTest"] = .bool(isRight)
      document["gigaflopsOneWorker"] = .number(single)
      document["gigaflopsAllWorkers"] = .number(all)
      document["gigaflopsBFloat16OneWorker"] = .number(singleBFloat)
      document["gigaflopsBFloat16AllWorkers"] = .number(allBFloat)
      document["gigaflopsBLAS"] = .number(blas)
      document["coreTypeFactor"] = lost.map { .number($0) } ?? .null
      document["warnings"] = .array(warning.map { [.string($0)] } ?? [])
      Console.output(.object(document))
    } else {
      let memory = available == .max ? "unknown" : "\(available >> 20) MiB"
      let sets = VectorKernels.supported.map(\.rawValue).joined(separator: ", ")
      for (name, value) in [
        ("peft", EnvironmentReport.version), ("processor", Processor.modelName),
        ("cores", "\(Processor.availableCores) usable, \(workers) workers"),
        ("memory", "\(memory) available"),
        ("kernels", "\(VectorKernels.active.instructionSet.rawValue) (supported: \(sets))"),
        ("BLAS", Processor.blasConfiguration), ("BLAS core", Processor.blasCoreName),
        ("MPI", Ranks.libraryVersion ?? "not in this build (--traits MPI)"),
        ("products", isRight ? "right" : "WRONG"),
        (
          "speed",
          String(
            format: "%.0f GFLOP/s on one worker, %.0f on all; BLAS alone %.0f on one", single, all,
            blas)
        ),
        (
          "in bf16",
          String(format: "%.0f GFLOP/s on one worker, %.0f on all", singleBFloat, allBFloat)
        ),
      ] {
        Console.output(name.padding(toLength: 11, withPad: " ", startingAt: 0) + value)
      }
      if let warning { Console.output("warning: " + warning) }
    }
    if !isRight {
      throw FailedSelfTest(
        description: "matrix products on this machine are wrong; try another OPENBLAS_CORETYPE")
    }
  }

  /// The speed of BLAS in a process that lets it choose its own core type; nil if no core type is
  /// forced here, or if that process fails.
  private func unforcedSpeed() -> Double? {
    var environment = ProcessInfo.processInfo.environment
    guard environment.removeValue(forKey: "OPENBLAS_CORETYPE") != nil else { return nil }
    let bytes = try? ProgramOutput.read(
      "/proc/self/exe", ["doctor", "--json"],
      environment: environment.map { "\($0.key)=\($0.value)" })
    return bytes.flatMap { try? JSONValue(parsing: $0) }?["gigaflopsBLAS"]?.double
  }
}
