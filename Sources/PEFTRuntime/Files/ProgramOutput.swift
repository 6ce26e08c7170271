import Glibc

/// The output of another program.
package enum ProgramOutput {
  /// The standard output of the program at `path`; nil if there is no such program or if it fails.
  /// Its standard input is empty and its standard error is discarded.
  ///
  /// Errors: `storage` if the system cannot create another process or open another file.
  ///
  /// - Parameter environment: the program's environment, as `NAME=VALUE`.
  package static func read(
    _ path: String, _ arguments: [String], environment: [String]
  ) throws(FileError) -> [UInt8]? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .system(errno, "cannot run", path: path) }
    defer { close(ends[0]) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var process = pid_t()
    let code = spawn(&process, path, arguments, environment, output: ends[1])
    close(ends[1])
    guard code == 0 else {
      if [ENOENT, ENOTDIR, EACCES, ENOEXEC].contains(code) { return nil }
      throw .system(code, "cannot run", path: path)
    }
    var bytes: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    repeat {
      count = Glibc.read(ends[0], &room, room.count)
      if count > 0 { bytes += room[..<count] }
    } while count > 0 || (count < 0 && errno == EINTR)
    var status: Int32 = -1
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return count == 0 && status == 0 ? bytes : nil
  }

  /// Starts a process. Returns the error number, 0 on success.
  private static func spawn(
    _ process: inout pid_t, _ path: String, _ arguments: [String], _ environment: [String],
    output: Int32
  ) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    // The command ignores these signals, and a child process would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var usual = sigset_t()
    sigemptyset(&usual)
    for number in [SIGPIPE, SIGXFSZ] { sigaddset(&usual, number) }
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { for text in words + variables { free(text) } }
    return posix_spawn(&process, path, &actions, &attributes, &words, &variables)
  }
}
