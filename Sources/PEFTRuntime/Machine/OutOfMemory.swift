import Synchronization

/// How the process ends if the system cannot provide memory that it needs.
package enum OutOfMemory {
  private static let ending = Mutex<(@Sendable (Int) -> Never)?>(nil)

  /// Sets the function that ends the process. It receives the number of bytes requested and must
  /// not allocate. By default the process ends with a fatal error.
  package static func endProcess(by body: @escaping @Sendable (Int) -> Never) {
    ending.withLock { $0 = body }
  }

  /// Ends the process after a failed allocation of `bytes` bytes.
  package static func end(_ bytes: Int) -> Never {
    if let body = ending.withLock({ $0 }) { body(bytes) }
    fatalError("out of memory: no room for \(bytes) bytes")
  }
}
