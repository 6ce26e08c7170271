import Glibc
import PEFTTensor

/// The stack on which the command runs.
///
/// The parsers of options, JSON and YAML call themselves. Under a low limit (`ulimit -s`), the
/// system would end the process where the main thread's stack is full.
enum CommandStack {
  /// Calls `body` on the main thread if its stack may grow to the usual size, and otherwise on a
  /// thread with a stack of that size.
  static func run(_ body: @escaping @Sendable () -> Never) -> Never {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit) == 0,
      limit.rlim_cur < UInt(WorkerPool.stackBytes)
    else { body() }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, WorkerPool.stackBytes)
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
      }, Unmanaged.passRetained(Work(body: body)).toOpaque())
    guard status == 0 else { body() }
    while true { pause() }
  }

  private final class Work {
    let body: @Sendable () -> Never

    init(body: @escaping @Sendable () -> Never) { self.body = body }
  }
}
