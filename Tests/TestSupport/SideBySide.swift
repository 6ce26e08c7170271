import Foundation
import Synchronization

/// Calls `work` with the numbers, as many at a time as the machine has cores, but at least two.
///
/// The work of a number must not share files with that of another. Once `work` returns nil for a
/// number, no further number begins.
///
/// - Returns: the sum of what `work` returned.
public func sideBySide<Numbers: Sequence<Int> & Sendable>(
  _ numbers: Numbers, _ work: @Sendable @escaping (Int) async throws -> Int?
) async throws -> Int {
  let rest = Rest(numbers)
  return try await withThrowingTaskGroup(of: Int.self) { group in
    for _ in 0..<max(2, ProcessInfo.processInfo.activeProcessorCount) {
      group.addTask {
        var sum = 0
        while let number = rest.next() {
          guard let result = try await work(number) else {
            rest.drop()
            break
          }
          sum += result
        }
        return sum
      }
    }
    return try await group.reduce(0, +)
  }
}

/// The numbers that are still to come.
private final class Rest<Numbers: Sequence<Int> & Sendable>: Sendable {
  private let numbers: Numbers
  /// How many were given out; nil once the others are dropped.
  private let given = Mutex<Int?>(0)

  init(_ numbers: Numbers) { self.numbers = numbers }

  func next() -> Int? {
    given.withLock { given in
      guard let count = given else { return nil }
      given = count + 1
      return numbers.dropFirst(count).first { _ in true }
    }
  }

  func drop() { given.withLock { $0 = nil } }
}
