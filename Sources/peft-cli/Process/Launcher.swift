import Foundation

/// What started this process as one of several, according to its environment.
struct Launcher: Equatable {
  /// The name of the launcher's command.
  let name: String
  /// The number of this process, from 0.
  let rank: Int
  /// The number of processes.
  let count: Int

  /// The launcher that set these variables; nil for a process of its own.
  ///
  /// Slurm's `SLURM_PROCID` is also set in a batch script, which is one process; the variables of a
  /// step are not.
  init?(_ environment: [String: String]) {
    func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
    if let count = number("OMPI_COMM_WORLD_SIZE"), let rank = number("OMPI_COMM_WORLD_RANK") {
      self.init(name: "mpirun", rank: rank, count: count)
    } else if let count = number("SLURM_STEP_NUM_TASKS"), let rank = number("SLURM_PROCID"),
      environment["SLURM_STEP_ID"] != nil
    {
      self.init(name: "srun", rank: rank, count: count)
    } else if let count = number("PMI_SIZE"), let rank = number("PMI_RANK") {
      self.init(name: "mpiexec", rank: rank, count: count)
    } else {
      return nil
    }
  }

  private init(name: String, rank: Int, count: Int) {
    (self.name, self.rank, self.count) = (name, rank, count)
  }

  /// The launcher of this process; nil for a process of its own.
  static var current: Launcher? { Launcher(ProcessInfo.processInfo.environment) }
}
