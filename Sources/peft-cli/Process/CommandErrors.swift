/// The error for a run ended by a signal after its state was saved.
struct Interrupted: Error, CustomStringConvertible {
  let run: String
  var description: String { "interrupted; the run so far is saved in \(run)" }
}

/// The error for a run ended by a signal before there was anything to save.
struct InterruptedEarly: Error, CustomStringConvertible {
  let description: String
}

/// The error for incorrect matrix products on this machine.
struct FailedSelfTest: Error, CustomStringConvertible {
  let description: String
}
