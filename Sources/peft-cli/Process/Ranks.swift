import Foundation
import PEFTRuns
import PEFTTensor
import Synchronization

#if MPI
  import PEFTMPI
#endif

/// A command whose work several processes, the ranks of an MPI job, may share.
protocol RankedCommand {}

/// A command that only one process may run in a directory.
protocol SingleProcessCommand {}

/// The processes of this job. Rank 0 writes files and speaks for all.
enum Ranks {
  /// What rank a process has, and how it reaches the others.
  private struct Place {
    var collective: any Collective = Alone()
    /// The number of this process among those that share its cores, and their number.
    var local = (rank: 0, count: 1)
    var isMPI = false
    /// Whether this process met an error that the others may not have met.
    var isBroken = false
    var abort: (@Sendable (Int32) -> Never)?
    var end: (@Sendable (Int32) -> Void)?
  }

  private static let place = Mutex(Place())

  /// The processes that share the work; a single one unless an MPI launcher started several.
  static var collective: any Collective { place.withLock { $0.collective } }

  /// Whether an MPI launcher started the process, maybe as the only one.
  static var isMPI: Bool { place.withLock { $0.isMPI } }

  /// The name and version of the MPI in this build; nil if there is none.
  static var libraryVersion: String? {
    #if MPI
      MPIProcesses.libraryVersion
    #else
      nil
    #endif
  }

  /// The number of workers of this process if none was specified: its part of the cores that it
  /// shares with others of its machine.
  static var usualWorkers: Int {
    let local = place.withLock { $0.local }
    let cores = Processor.availableCores
    return max(1, (local.rank + 1) * cores / local.count - local.rank * cores / local.count)
  }

  /// The machine and the cores of this process, as a text.
  private static var cores: String {
    let status = (try? FileContents.read("/proc/self/status")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let allowed = status?.first { $0.hasPrefix("Cpus_allowed:") } ?? ""
    return ProcessInfo.processInfo.hostName + " " + allowed
  }

  /// Joins the other processes, if a launcher started this one as one of several.
  ///
  /// Throws if it did and this build or command cannot take part.
  static func join(for command: Any) throws {
    guard let launcher = Launcher.current else { return }
    if command is SingleProcessCommand, launcher.count > 1 {
      throw InvalidSetting(
        "\(launcher.name) started \(launcher.count) processes of a command that is one process; "
          + "several can share train, probe and suite")
    }
    guard command is RankedCommand else { return }
    #if MPI
      let processes = try MPIProcesses { Interruption.isRequested }
      guard processes.count == launcher.count else {
        throw InvalidSetting(
          "\(launcher.name) started \(launcher.count) processes, and MPI knows of "
            + "\(processes.count): start them with the launcher of the MPI that peft was built "
            + "with (\(MPIProcesses.libraryVersion)); with Slurm, `srun --mpi=pmix`")
      }
      let cores = try processes.gather(bytes: Array(cores.utf8))
      let sharing = cores.indices.filter { cores[$0] == cores[processes.rank] }
      place.withLock {
        $0.collective = processes
        $0.local = (sharing.firstIndex(of: processes.rank) ?? 0, sharing.count)
        $0.isMPI = true
        $0.abort = { processes.abort(status: $0) }
        $0.end = { processes.end(status: $0) }
      }
      Console.isSilent = processes.rank > 0
    #else
      guard launcher.count > 1 else { return }
      throw InvalidSetting(
        "\(launcher.name) started \(launcher.count) processes, and this peft was built without "
          + "MPI, so they cannot share the work: build it with `swift build -c release --traits "
          + "MPI`, or start one process")
    #endif
  }

  /// The time that an error of another process than the first waits, so that the first reports an
  /// error that all have.
  private static let grace: UInt32 = 3

  /// Waits before this process reports an error, unless it is the first or `error` is one that all
  /// have.
  ///
  /// The first process speaks for all. Usually it has the same error, and ends all others
  /// meanwhile.
  static func letFirstSpeak(before error: any Error) {
    let rank = Launcher.current?.rank ?? 0
    let isCommon = error is Interrupted || error is InterruptedEarly
    place.withLock { $0.isBroken = !isCommon }
    guard rank > 0, !isCommon else { return }
    sleep(grace)
    Console.isSilent = false
    Console.error("peft: on rank \(rank):")
  }

  /// Ends the process with this status, and with it all others if they may not have ended too.
  static func finish(_ status: Int32) -> Never {
    let place = place.withLock { $0 }
    if place.isBroken { place.abort?(status) } else { place.end?(status) }
    exit(status)
  }

  /// Throws if this process's facts differ from those of the first, and says in which one.
  ///
  /// - Parameter facts: values by name; all processes give the same names in the same order.
  static func agree(_ facts: [(name: String, value: String)]) throws {
    let collective = collective
    guard collective.count > 1 else { return }
    let names = facts.map(\.name)
    let mine = JSONValue.array(
      [.array(names.map { .string($0) }), .array(facts.map { .string($0.value) })])
    let all = try collective.gather(bytes: Array(mine.text().utf8)).map { bytes in
      try JSONValue(parsing: bytes).array ?? []
    }
    func texts(_ rank: Int, _ column: Int) -> [String] {
      all[rank].dropFirst(column).first?.array?.map { $0.string ?? "" } ?? []
    }
    for rank in 1..<collective.count {
      let (first, other) = (
        Dictionary(zip(texts(0, 0), texts(0, 1)), uniquingKeysWith: { $1 }),
        Dictionary(zip(texts(rank, 0), texts(rank, 1)), uniquingKeysWith: { $1 })
      )
      for name in texts(0, 0) + texts(rank, 0) where first[name] != other[name] {
        throw InvalidSetting(
          "the processes do not do the same: \(name) is \(other[name] ?? "absent") on rank \(rank) "
            + "and \(first[name] ?? "absent") on rank 0; start all with the same command, version "
            + "and files")
      }
    }
  }
}
