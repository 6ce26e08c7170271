import Foundation

/// The processor time that the calling thread spends in `work`. What else the machine does hardly
/// changes it, so a bound on it tells linear work from quadratic where a bound on the time by the
/// clock would tell a quiet machine from a busy one.
public func threadTime(_ work: () throws -> Void) rethrows -> Duration {
  let start = now()
  try work()
  return now() - start
}

private func now() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
