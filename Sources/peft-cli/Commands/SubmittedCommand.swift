import ArgumentParser
import PEFTRuns
import PEFTStudy
import PEFTTensor

/// A command line that a batch script is to run.
struct SubmittedCommand {
  /// What a command needs, as forecast.
  struct Need {
    /// The memory of a process in MiB, with a margin.
    let memory: Int
    /// The time of all that is to do in seconds, without evaluations.
    let seconds: Double

    init(bytes: Int, seconds: Double) {
      memory = (bytes + bytes / 4) >> 20 + 128
      self.seconds = seconds
    }

    /// A time limit for each of `jobs` jobs that share the work, with a margin.
    func minutes(jobs: Int) -> Int {
      let needed = 1.5 * seconds / Double(jobs) / 60 + 5
      return Int(min(needed, 1e6).rounded(.up))
    }
  }

  /// The command's name.
  let name: String
  /// The arguments with which it continues what an earlier job began.
  let resumable: [String]
  /// The arguments of the command that collects the results of several jobs; nil for one job.
  private(set) var merge: [String]?
  private let parsed: Any

  /// - Parameters:
  ///   - arguments: the command line without `peft`.
  ///   - jobs: the number of jobs of an array.
  ///   - nodes: the number of processes of an MPI job.
  ///
  /// Throws the errors of the command line itself, and `InvalidSetting` for a command that cannot
  /// be resumed or shared.
  init(_ arguments: [String], jobs: Int, nodes: Int) throws {
    name = arguments.first ?? ""
    let line = try CommandInterface.checked(
      ConfigurationFile.merge(SuiteCommand.renamed(arguments)))
    guard let command = try CommandInterface.root?.parseAsRoot(line) else {
      throw InvalidSetting("submit: there are no commands")
    }
    parsed = command
    switch parsed {
    case is TrainCommand, is AdaptCommand, is ProbeCommand, is CompareCommand, is SuiteCommand,
      is TuneCommand:
      break
    default:
      throw InvalidSetting(
        "submit: \(name) cannot be resumed; train, adapt, probe, compare, suite and tune can")
    }
    guard !ConfigurationFile.stands("overwrite", in: line) else {
      throw InvalidSetting(
        setting: "overwrite", "a job that is resumed would begin anew; leave it out")
    }
    if nodes > 1, !(parsed is any RankedCommand) {
      throw InvalidSetting(
        setting: "nodes", "only train, probe and suite can be shared by processes")
    }
    if nodes > 1, (parsed as? TrainCommand)?.main.folds != nil {
      throw InvalidSetting(setting: "nodes", "the processes of a job do not share its `folds`")
    }
    guard jobs > 1 else {
      resumable =
        ConfigurationFile.stands("resume", in: arguments) ? arguments : arguments + ["--resume"]
      return
    }
    guard let suite = parsed as? SuiteCommand, suite.main.shard == nil, !suite.main.merge else {
      throw InvalidSetting(
        setting: "jobs", "only a suite, without `shard` and `merge`, can be shared by jobs")
    }
    let others = arguments.filter { $0 != "--resume" }
    resumable = others + ["--shard", "claim"]
    merge = others + ["--merge"]
  }

  /// What the command needs.
  ///
  /// Throws `InvalidSetting` if that cannot be forecast.
  func forecast() throws -> Need {
    switch parsed {
    case let command as TrainCommand where command.main.folds == nil:
      let job = try command.job()
      let forecast = try job.prepare().forecast(timing: true)
      try forecast.memory.check()
      return Need(
        bytes: forecast.memory.totalBytes,
        seconds: forecast.seconds(findingRate: job.findsRate) ?? 0)
    case let command as SuiteCommand:
      let forecast = try SuiteForecast(SuiteFile.read(command.main.suite))
      return Need(bytes: forecast.memoryBytes, seconds: forecast.seconds)
    default:
      throw InvalidSetting(
        "submit: there is no forecast for this command; give its `memory` and `time`")
    }
  }
}
