import Glibc
import PEFTTensor

/// What the command says where the system provides no memory or thread.
enum Shortage {
  /// The message, with the remedy. It names the limit that is set.
  static func message(_ need: OutOfMemory.Need) -> String {
    switch need {
    case .memory(let bytes):
      let limits = [
        limit(RLIMIT_AS, "the limit on addresses (ulimit -v)"),
        limit(RLIMIT_DATA, "the limit on data (ulimit -d)"),
      ].compactMap(\.self)
      return "out of memory: the system has no \(max(1, bytes >> 20)) MiB more"
        + (limits.isEmpty ? "; free memory" : "; \(limits.joined(separator: " and ")): raise it")
        + ", or lower --workers, --batch-size or --max-length"
    case .thread(let code):
      let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
      return
        "no thread could be started for a worker: \(reason); lower --workers, or raise the limits "
        + "on processes (ulimit -u) and on memory (ulimit -v), of which a worker takes "
        + "\(WorkerPool.stackBytes >> 20) MiB for its stack"
    }
  }

  private static func limit(_ resource: __rlimit_resource, _ name: String) -> String? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0,
      limit.rlim_cur < rlim_t(Int.max)
    else { return nil }
    return "\(name) is \(limit.rlim_cur >> 20) MiB"
  }
}
