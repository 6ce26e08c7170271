import Synchronization

/// How the process ends if the system cannot provide memory or a thread that it needs.
package enum OutOfMemory {
  /// What the system did not provide.
  package enum Need: Hashable, Sendable {
    /// So many bytes of memory.
    case memory(Int)
    /// A thread, for the reason of this error number.
    case thread(Int32)
  }

  private static let ending = Mutex<(@Sendable (Need) -> Never)?>(nil)

  /// Sets the function that ends the process. For lack of memory it must not allocate. By default
  /// the process ends with a fatal error.
  package static func endProcess(by body: @escaping @Sendable (Need) -> Never) {
    ending.withLock { $0 = body }
  }

  /// Ends the process, because the system did not provide `need`.
  package static func end(_ need: Need) -> Never {
    if let body = ending.withLock({ $0 }) { body(need) }
    switch need {
    case .memory(let bytes): fatalError("out of memory: no room for \(bytes) bytes")
    case .thread(let code): fatalError("no thread could be started: error \(code)")
    }
  }
}
