/// The run was ended by a signal, and what it had was saved.
struct Interrupted: Error, CustomStringConvertible {
  let run: String
  var description: String { "interrupted; the run so far is saved in \(run)" }
}

/// The run was ended by a signal before there was anything to save.
struct InterruptedEarly: Error, CustomStringConvertible {
  let description: String
}

/// Products on this machine are wrong.
struct FailedSelfTest: Error, CustomStringConvertible {
  let description: String
}
