import Foundation
import Synchronization

/// Signals that end a run after the current step. A second SIGINT ends the process at once.
enum Interruption {
  private static let count = Atomic<Int>(0)

  /// Whether a signal has arrived.
  static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }

  /// Handles SIGINT, SIGTERM and SIGUSR1 from now on, even if the parent process left them blocked.
  static func watch() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGUSR1] { sigaddset(&set, number) }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    for number in [SIGINT, SIGTERM, SIGUSR1] {
      signal(number) { number in
        let earlier = Interruption.count.add(1, ordering: .relaxed).oldValue
        if earlier > 0, number == SIGINT { _exit(128 + SIGINT) }
      }
    }
  }
}
