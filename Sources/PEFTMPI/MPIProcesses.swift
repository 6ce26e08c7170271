#if MPI
  import CMPI
  import Glibc
  import PEFTRuntime
  import Synchronization

  /// The exit status of a process whose use of MPI does not end.
  private let exitStatus = Atomic<Int32>(0)

  /// The processes that `mpirun` or `srun` started, which exchange bytes by MPI.
  ///
  /// MPI adds nothing up. All calls must come from the thread that called `start`. A process that
  /// waits for others sleeps most of the time, so its cores are free for them.
  public final class MPIProcesses: Collective {
    /// The number of this process.
    public let rank: Int
    /// The number of processes.
    public let count: Int
    private let isEnding: @Sendable () -> Bool

    /// The time for which a process waits for others once it is asked to end.
    private static let patience = Duration.seconds(60)

    /// The number of exchanges before the end.
    private static let farewells = 8
    /// The time that the end of MPI may take.
    private static let secondsToEnd: UInt32 = 10

    /// The error for what MPI cannot do.
    public struct Failure: Error, CustomStringConvertible {
      /// What failed, and what to do.
      public let description: String
    }

    /// Begins to use MPI; once in a process.
    ///
    /// - Parameter isEnding: whether this process was asked to end. If it waits for others for a
    ///   minute after that, it takes them for dead.
    public init(isEnding: @escaping @Sendable () -> Bool) throws {
      var (rank, count): (Int32, Int32) = (0, 0)
      let code = peft_mpi_start(&rank, &count)
      guard code == 0 else {
        throw Failure(description: "MPI cannot be started: error \(code)")
      }
      (self.rank, self.count) = (Int(rank), Int(count))
      self.isEnding = isEnding
    }

    /// Sends bytes to every process, and receives some from each; see `Collective`.
    public func exchange(
      _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int],
      into received: UnsafeMutableRawBufferPointer, counts receivedCounts: [Int]
    ) throws {
      let (outgoing, incoming) = (try Self.parts(sentCounts), try Self.parts(receivedCounts))
      try complete {
        peft_mpi_exchange(
          sent.baseAddress, outgoing.counts, outgoing.starts, received.baseAddress,
          incoming.counts, incoming.starts, $0)
      }
    }

    /// Gives every process the bytes of each; see `Collective`.
    public func gather(
      _ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, counts: [Int]
    ) throws {
      let parts = try Self.parts(counts)
      try complete {
        peft_mpi_gather(
          mine.baseAddress, Int32(mine.count), all.baseAddress, parts.counts, parts.starts, $0)
      }
    }

    private static func parts(_ counts: [Int]) throws -> (counts: [Int32], starts: [Int32]) {
      var (starts, start): ([Int32], Int) = ([], 0)
      for count in counts {
        guard start + count <= Int(Int32.max) else {
          throw Failure(description: "MPI carries at most 2 GiB at once")
        }
        starts.append(Int32(start))
        start += count
      }
      return (counts.map { Int32($0) }, starts)
    }

    /// Begins an operation and waits for its end.
    private func complete(
      _ begin: (UnsafeMutablePointer<peft_mpi_operation>) -> Int32
    ) throws {
      var operation = peft_mpi_operation()
      try check(begin(&operation))
      let start = ContinuousClock.now
      var asked: ContinuousClock.Instant?
      var done: Int32 = 0
      while true {
        try check(peft_mpi_test(&operation, &done))
        if done != 0 { return }
        let now = ContinuousClock.now
        if now - start < .milliseconds(1) {
          sched_yield()
          continue
        }
        usleep(100)
        guard isEnding() else { continue }
        if asked == nil { asked = now }
        if let asked, now - asked > Self.patience { throw LostProcess() }
      }
    }

    private func check(_ code: Int32) throws {
      if code != 0 { throw LostProcess() }
    }

    /// Ends all processes of the job, this one included, with this exit status.
    public func abort(status: Int32) -> Never {
      _ = peft_mpi_abort(status)
      _exit(status)
    }

    /// Ends the use of MPI, once all processes have called it.
    ///
    /// MPICH before 4.2 may wait forever over UCX: a process that still waits for the receipt of
    /// what it has sent does so in vain once another has stopped listening (MPICH's pull request
    /// 6596). Small messages before the end leave time for receipts; where that is not enough, the
    /// process ends itself, with this exit status, because its work is done.
    public func end(status: Int32) {
      for _ in 0..<Self.farewells {
        guard (try? barrier()) != nil else { break }
        usleep(1000)
      }
      exitStatus.store(status, ordering: .releasing)
      signal(SIGALRM) { _ in _exit(exitStatus.load(ordering: .acquiring)) }
      alarm(Self.secondsToEnd)
      _ = peft_mpi_end()
      alarm(0)
    }

    /// The name and version of the MPI library.
    public static var libraryVersion: String {
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
        guard let start = buffer.baseAddress, peft_mpi_version(start, 128) == 0 else {
          return "unknown"
        }
        return String(cString: start)
      }
    }
  }
#endif
