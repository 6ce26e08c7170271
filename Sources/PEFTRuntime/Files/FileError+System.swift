import Glibc

extension FileError {
  /// The error for the system error number `code`, which occurred during `action` ("cannot read")
  /// on `path`.
  package static func system(_ code: Int32, _ action: String, path: String) -> FileError {
    let (kind, remedy): (Kind, String) =
      switch code {
      case ENOENT, ENOTDIR: (.notFound, "check the path")
      case EISDIR: (.unsupported, "name a file inside the directory")
      case EACCES, EPERM: (.storage, "check who owns it and its permissions")
      case ENOSPC, EDQUOT: (.storage, "free space or choose a path on another disk")
      case EROFS: (.storage, "choose a path on a file system that can be written")
      case EFBIG: (.storage, "raise the limit on file sizes (ulimit -f)")
      case EIO: (.storage, "check the disk and the kernel's log")
      case EMFILE, ENFILE: (.storage, "raise the limit on open files (ulimit -n)")
      case ENOMEM: (.storage, "free memory, or raise the limit on it (ulimit -v, ulimit -d)")
      case EAGAIN: (.storage, "end other processes, or raise the limit on them (ulimit -u)")
      case ENAMETOOLONG: (.storage, "choose a shorter path")
      default: (.storage, "")
      }
    let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
    return FileError(kind, path: path, reason: "\(action): \(reason)", remedy: remedy)
  }

  /// Refuses a path with a zero byte, because the system would end the path there.
  package static func checkPath(_ path: String) throws(FileError) {
    guard path.utf8.contains(0) else { return }
    throw FileError(.notFound, path: path, reason: "a path cannot contain a zero byte")
  }
}
