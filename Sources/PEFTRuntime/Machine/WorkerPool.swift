import CPEFTKernels
import Glibc
import Synchronization

/// The only owner of the processor's cores.
///
/// A pool distributes the indices of one job over its workers; the calling thread is one of them.
/// Which worker runs which index is not deterministic, so the indices of a job must write disjoint
/// memory. The result then depends only on how the caller split the work. A job started from inside
/// a job runs on the worker that started it.
///
/// An idle worker polls for some tens of microseconds, because the next operation of a training
/// step follows at once, and then sleeps.
public final class WorkerPool: Sendable {
  /// The number of threads that work on a job, including the calling one.
  public let workerCount: Int
  private let board = Board()
  private let jobLock = Mutex(())
  /// The size of a thread's stack, the system's usual limit, whatever the limit is now.
  package static let stackBytes = 8 << 20

  /// A pool of `workerCount` workers: the calling thread and `workerCount − 1` threads of the
  /// pool's own.
  public init(workerCount: Int) {
    precondition(workerCount >= 1, "WorkerPool needs at least one worker, got \(workerCount)")
    self.workerCount = workerCount
    guard workerCount > 1 else { return }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, Self.stackBytes)
    for _ in 1..<workerCount {
      let reference = Unmanaged.passRetained(board)
      var thread = pthread_t()
      let status = pthread_create(
        &thread, &attributes,
        { argument in
          guard let argument else { return nil }
          Unmanaged<Board>.fromOpaque(argument).takeRetainedValue().work()
          return nil
        }, reference.toOpaque())
      guard status == 0 else { OutOfMemory.end(.thread(status)) }
      pthread_detach(thread)
    }
  }

  deinit { board.close() }

  /// Calls `body` once for every index in `0..<count`, and returns when all calls have returned.
  public func run(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1, workerCount > 1, !Board.isInsideJob else {
      for index in 0..<max(count, 0) { body(index) }
      return
    }
    withoutActuallyEscaping(body) { body in
      for start in stride(from: 0, to: count, by: Board.fieldMask) {
        let part = min(count - start, Board.fieldMask)
        jobLock.withLock { _ in board.run(part) { body(start + $0) } }
      }
    }
  }

  /// Splits `0..<count` into ranges and calls `body` once for each.
  ///
  /// There is at most one range per worker, and only the last may be shorter than `grain`.
  public func runRanges(_ count: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let pieces = max(1, min(workerCount, count / max(grain, 1)))
    let size = (count + pieces - 1) / pieces
    run((count + size - 1) / size) { piece in
      body(piece * size..<min(count, (piece + 1) * size))
    }
  }
}

extension WorkerPool {
  private static let current = Mutex<WorkerPool?>(nil)

  /// The pool that every operation uses. Unless `useWorkers` has replaced it, it has a worker for
  /// each available core.
  public static var shared: WorkerPool {
    current.withLock { pool in
      if let pool { return pool }
      let made = WorkerPool(workerCount: Processor.availableCores)
      pool = made
      return made
    }
  }

  /// Replaces the shared pool with one of `workerCount` workers.
  ///
  /// Call it before any work starts.
  public static func useWorkers(_ workerCount: Int) {
    current.withLock { pool in
      if pool?.workerCount != workerCount { pool = WorkerPool(workerCount: workerCount) }
    }
  }
}

/// The state that the threads of a pool share. `claim` packs the job's number (32 bits, wrapping),
/// its count and the next index (16 bits each) into one word, so that an index can only be claimed
/// from the job it belongs to. `body` is written before the word that publishes it and stays valid
/// until every claimed index is done.
private final class Board: @unchecked Sendable {
  static let fieldMask = (1 << 16) - 1
  private static let fieldBits: UInt64 = 16
  private static let pollRounds = 3000

  private let claim = Atomic<UInt64>(0)
  private let completed = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let isClosed = Atomic<Bool>(false)
  private var body: ((Int) -> Void)?
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// Thread-local; set while the thread runs indices of a job.
  private static let insideKey: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  static var isInsideJob: Bool { pthread_getspecific(insideKey) != nil }

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  /// Publishes a job, works on it, and returns when it is done.
  func run(_ count: Int, _ body: @escaping (Int) -> Void) {
    self.body = body
    completed.store(0, ordering: .relaxed)
    let number = (claim.load(ordering: .relaxed) >> (2 * Self.fieldBits)) &+ 1
    let word = number << (2 * Self.fieldBits) | UInt64(count) << Self.fieldBits
    claim.store(word, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wake() }
    takePart()
    var rounds = 0
    while completed.load(ordering: .acquiring) < count { Self.pause(&rounds) }
    self.body = nil
  }

  /// The main function of a thread: takes part in jobs until the pool is closed.
  func work() {
    while !isClosed.load(ordering: .acquiring) {
      takePart()
      var rounds = 0
      while !hasWork, !isClosed.load(ordering: .acquiring) {
        rounds += 1
        if rounds > Self.pollRounds { sleep() } else { peft_pause() }
      }
    }
  }

  func close() {
    isClosed.store(true, ordering: .sequentiallyConsistent)
    wake()
  }

  private var hasWork: Bool {
    Self.nextIndex(claim.load(ordering: .sequentiallyConsistent)) != nil
  }

  /// The next index to claim from a claim word; nil if all are claimed.
  private static func nextIndex(_ word: UInt64) -> Int? {
    let index = Int(truncatingIfNeeded: word) & fieldMask
    return index < Int(truncatingIfNeeded: word >> fieldBits) & fieldMask ? index : nil
  }

  /// Claims indices of the current job and runs them until all are claimed.
  private func takePart() {
    var word = claim.load(ordering: .acquiring)
    while let index = Self.nextIndex(word) {
      let (exchanged, original) = claim.weakCompareExchange(
        expected: word, desired: word &+ 1, ordering: .acquiringAndReleasing)
      guard exchanged else {
        word = original
        continue
      }
      pthread_setspecific(Self.insideKey, UnsafeRawPointer(mutex))
      body?(index)
      pthread_setspecific(Self.insideKey, nil)
      completed.add(1, ordering: .releasing)
      word = claim.load(ordering: .acquiring)
    }
  }

  private func sleep() {
    pthread_mutex_lock(mutex)
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while !hasWork, !isClosed.load(ordering: .sequentiallyConsistent) {
      pthread_cond_wait(condition, mutex)
    }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  private func wake() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Pauses briefly, and yields the core if the wait becomes long.
  private static func pause(_ rounds: inout Int) {
    rounds += 1
    if rounds > pollRounds { sched_yield() } else { peft_pause() }
  }
}
