import Foundation
import PEFTRuntime
import Synchronization
import Testing

@Suite("Worker pool")
struct WorkerPoolTests {
  @Test("runs every index once, whatever the counts", arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func everyIndexOnce(workers: Int, count: Int) {
    let pool = WorkerPool(workerCount: workers)
    for _ in 0..<50 {
      let total = Atomic<Int>(0)
      let calls = Atomic<Int>(0)
      pool.run(count) { index in
        total.add(index + 1, ordering: .relaxed)
        calls.add(1, ordering: .relaxed)
      }
      #expect(calls.load(ordering: .relaxed) == count)
      #expect(total.load(ordering: .relaxed) == count * (count + 1) / 2)
    }
  }

  @Test("more indices than fit a claim word, and more jobs than a short run has")
  func many() {
    let pool = WorkerPool(workerCount: 2)
    let total = Atomic<Int>(0)
    pool.run(200_000) { total.add($0, ordering: .relaxed) }
    #expect(total.load(ordering: .relaxed) == 200_000 * 199_999 / 2)
    let jobs = Atomic<Int>(0)
    for _ in 0..<200_000 { pool.run(2) { _ in jobs.add(1, ordering: .relaxed) } }
    #expect(jobs.load(ordering: .relaxed) == 400_000)
  }

  @Test("ranges cover the whole without overlap and respect the grain")
  func ranges() {
    let pool = WorkerPool(workerCount: 3)
    for count in 0..<40 {
      let seen = Mutex([Range<Int>]())
      pool.runRanges(count, grain: 4) { range in seen.withLock { $0.append(range) } }
      let sorted = seen.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
      #expect(sorted.flatMap(Array.init) == Array(0..<count))
      #expect(sorted.count <= 3)
      #expect(sorted.dropLast().allSatisfy { $0.count >= 4 })
    }
  }

  @Test("a job inside a job, and jobs from several threads, finish")
  func nestedAndConcurrent() async {
    let pool = WorkerPool(workerCount: 2)
    let calls = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<200 { pool.run(5) { _ in pool.run(3) { _ in calls.increment() } } }
        }
      }
    }
    #expect(calls.count == 4 * 200 * 15)
  }

  @Test("sleeping workers wake for the next job")
  func wakes() {
    let pool = WorkerPool(workerCount: 4)
    for _ in 0..<5 {
      let calls = Atomic<Int>(0)
      pool.run(100) { _ in calls.add(1, ordering: .relaxed) }
      #expect(calls.load(ordering: .relaxed) == 100)
      usleep(20_000)
    }
  }
}

private final class Counter: Sendable {
  private let value = Atomic<Int>(0)
  var count: Int { value.load(ordering: .relaxed) }
  func increment() { value.add(1, ordering: .relaxed) }
}
