import Synchronization

/// How the process ends where the system has no memory for what it cannot do without.
package enum OutOfMemory {
  private static let ending = Mutex<(@Sendable (Int) -> Never)?>(nil)

  /// Sets what ends the process; it gets the bytes that were asked for and must ask for no more.
  /// Without it that is a fatal error.
  package static func endProcess(by body: @escaping @Sendable (Int) -> Never) {
    ending.withLock { $0 = body }
  }

  /// Ends the process for want of so many bytes.
  package static func end(_ bytes: Int) -> Never {
    if let body = ending.withLock({ $0 }) { body(bytes) }
    fatalError("out of memory: no room for \(bytes) bytes")
  }
}
