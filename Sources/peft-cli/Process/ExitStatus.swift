/// The exit status of the command, for scripts.
enum ExitStatus: Int32 {
  case done = 0
  case usage = 2
  case badFile = 3
  case numericalFailure = 4
  case interrupted = 5
  case noSpace = 6
}
