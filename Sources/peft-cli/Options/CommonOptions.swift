import ArgumentParser
import PEFTTensor

/// Options of every command.
struct CommonOptions: ParsableArguments {
  @Option(
    help: "YAML file with any of these options; options on the command line override it.",
    completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Flag(help: "Print one JSON document, and nothing else, on standard output.")
  var json = false

  @Flag(help: "Print no progress or notes.")
  var quiet = false

  @Option(help: "Worker threads; the default and the maximum is the number of usable cores.")
  var workers: Int?

  func validate() throws {
    if let workers, !(1...1024).contains(workers) {
      throw ValidationError("--workers \(workers): give a number from 1 to 1024")
    }
  }

  /// Applies the options that concern the whole process. The number of workers is limited to the
  /// number of cores, since further workers would only wait for each other.
  func apply() {
    guard let workers else {
      if Ranks.isMPI { WorkerPool.useWorkers(Ranks.usualWorkers) }
      return
    }
    let cores = Processor.availableCores
    if workers > cores {
      note("--workers \(workers): this process may use only \(cores) cores; using \(cores) workers")
    }
    WorkerPool.useWorkers(min(workers, cores))
  }

  /// Applies the options, verifies matrix products, and warns if the BLAS does not use the
  /// processor fully. Call this before long-running work.
  func start() throws {
    apply()
    guard ProductCheck.selfTest() else {
      throw FailedSelfTest(
        description: "matrix products on this machine are wrong; see: peft doctor")
    }
    if let warning = ProductCheck.coreTypeWarning {
      note("warning: " + warning + "; see: peft doctor")
    }
  }

  /// Shows a message. Settings named by a library are shown as options.
  func note(_ line: String) {
    if !quiet { Console.error(SettingNames.asOptions(line)) }
  }

  /// Shows a coloured line of a figure; its texts from files must already be safe.
  func show(coloured line: String) {
    if !quiet { Console.error(coloured: line) }
  }
}
