import Foundation
import PEFTRuntime
import Synchronization

/// Processes for tests, each a thread of this one, which meet for every exchange.
public enum ThreadedRanks {
  /// Calls `body` on `count` threads, each with its place among them, and returns the results in
  /// the order of the ranks.
  ///
  /// - Returns: also the bytes that the first rank sent to the others.
  public static func run<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (any Collective) throws -> Result
  ) throws -> (results: [Result], sentBytes: Int) {
    let meeting = Meeting(count: count)
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let group = DispatchGroup()
    for rank in 0..<count {
      group.enter()
      let thread = Thread {
        let found = Swift.Result { try body(Seat(rank: rank, meeting: meeting)) }
        // A rank that fails is gone for the others, as a process would be.
        if case .failure = found { meeting.leave() }
        results.withLock { $0[rank] = found }
        group.leave()
      }
      thread.stackSize = 8 << 20
      thread.start()
    }
    group.wait()
    let found = results.withLock { $0 }
    return (try (0..<count).compactMap { try found[$0]?.get() }, meeting.sentBytes)
  }
}

/// A round of exchanges: all hand in what they send, and take what they receive once all have.
private final class Meeting: @unchecked Sendable {
  let count: Int
  private let condition = NSCondition()
  private var round = 0
  private var arrived = 0
  private var taken = 0
  private var isBroken = false
  private var parcels: [[Data]]
  private(set) var sentBytes = 0

  init(count: Int) {
    self.count = count
    parcels = Array(repeating: [], count: count)
  }

  func leave() {
    condition.lock()
    isBroken = true
    condition.broadcast()
    condition.unlock()
  }

  /// Hands in the parcels of `rank`, one for each rank, and returns those for it.
  func meet(_ rank: Int, _ mine: [Data]) throws -> [Data] {
    condition.lock()
    defer { condition.unlock() }
    parcels[rank] = mine
    if rank == 0 { sentBytes += mine.dropFirst().reduce(0) { $0 + $1.count } }
    arrived += 1
    condition.broadcast()
    while arrived < count, !isBroken { condition.wait() }
    guard !isBroken else { throw LostProcess() }
    let received = parcels.map { $0[rank] }
    let current = round
    taken += 1
    if taken == count {
      (arrived, taken, round) = (0, 0, round + 1)
      condition.broadcast()
    }
    // Nobody hands in the next parcels before all have taken these.
    while round == current, !isBroken { condition.wait() }
    return received
  }
}

private struct Seat: Collective {
  let rank: Int
  let meeting: Meeting
  var count: Int { meeting.count }

  func exchange(
    _ sent: UnsafeRawBufferPointer, counts sentCounts: [Int],
    into received: UnsafeMutableRawBufferPointer, counts receivedCounts: [Int]
  ) throws {
    var start = 0
    let parcels = sentCounts.map { count in
      defer { start += count }
      return Data(UnsafeRawBufferPointer(rebasing: sent[start..<start + count]))
    }
    let found = try meeting.meet(rank, parcels)
    precondition(found.map(\.count) == receivedCounts, "the ranks disagree on what they exchange")
    Self.copy(found, to: received)
  }

  func gather(
    _ mine: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer, counts: [Int]
  ) throws {
    precondition(mine.count == counts[rank], "the ranks disagree on what they gather")
    let found = try meeting.meet(rank, Array(repeating: Data(mine), count: count))
    Self.copy(found, to: all)
  }

  private static func copy(_ parcels: [Data], to target: UnsafeMutableRawBufferPointer) {
    var start = 0
    for parcel in parcels {
      parcel.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: target[start..<start + $0.count]).copyMemory(
          from: $0)
      }
      start += parcel.count
    }
  }
}
