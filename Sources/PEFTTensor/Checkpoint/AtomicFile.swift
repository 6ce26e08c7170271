import Glibc
import Synchronization

/// A file that takes its final name only when it is complete and on the disk.
///
/// The bytes go to a temporary file in the same directory, named `.….partial`. When all are written
/// it is synchronized, renamed over the final path, and the directory is synchronized. At any
/// moment, power loss included, the final path names the whole old file or the whole new one; a
/// process that is killed leaves at most a `.partial`.
public struct AtomicFile: ~Copyable {
  /// How the names of temporary files end.
  public static let temporarySuffix = ".partial"

  /// The final path.
  public let path: String
  private let directory: String
  private let temporaryPath: String
  private let file: FileDescriptor
  private var isRenamed = false
  private static let counter = Atomic<UInt>(0)

  /// Replaces or creates the file at `path` by what `body` appends.
  ///
  /// The new file has the permissions of the one it replaces. A symbolic link at `path` is replaced
  /// itself, its target stays as it is.
  ///
  /// Errors: what `body` throws; `notFound` for a missing directory; `storage` when the system
  /// refuses. The old file is then untouched and no temporary is left. Only when the last step, the
  /// synchronization of the directory, fails, the new file is in place and may not survive a power
  /// loss.
  public static func write(
    to path: String, _ body: (inout AtomicFile) throws(FileError) -> Void
  ) throws(FileError) {
    try FileError.checkPath(path)
    var file = try AtomicFile(replacing: path)
    try body(&file)
    try file.commit()
  }

  /// Replaces or creates the file at `path` by `bytes`.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try write(to: path) { (file) throws(FileError) in try file.append(bytes) }
  }

  private init(replacing path: String) throws(FileError) {
    self.path = path
    directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
    var name: String
    repeat {
      let number = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
      name = "\(directory).\(getpid())-\(number)\(Self.temporarySuffix)"
      // A process of the same number, killed earlier or on another host, may have left this name.
    } while access(name, F_OK) == 0
    temporaryPath = name
    do throws(FileError) {
      file = try FileDescriptor(
        opening: name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o666, action: "cannot create")
    } catch {
      throw FileError(error.kind, path: path, reason: error.reason, remedy: error.remedy)
    }
  }

  deinit {
    if !isRenamed { unlink(temporaryPath) }
  }

  /// Appends `bytes`.
  ///
  /// Errors: `storage` when the system takes them not or only in part.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let chunk = UnsafeRawBufferPointer(rebasing: rest)
      let written = Glibc.write(file.number, chunk.baseAddress, chunk.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        throw .system(written == 0 ? EIO : errno, "cannot write", path: path)
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Appends `bytes`.
  ///
  /// Errors: `storage` when the system takes them not or only in part.
  public mutating func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withPointer { (bytes) throws(FileError) in
      try append(UnsafeRawBufferPointer(bytes))
    }
  }

  private mutating func commit() throws(FileError) {
    var old = stat()
    if lstat(path, &old) == 0, old.st_mode.isRegularFile {
      guard fchmod(file.number, old.st_mode & 0o777) == 0 else {
        throw .system(errno, "cannot set permissions", path: path)
      }
    }
    try file.synchronize(path: path)
    guard rename(temporaryPath, path) == 0 else {
      throw .system(errno, "cannot replace", path: path)
    }
    isRenamed = true
    try FileDescriptor(opening: directory, flags: O_RDONLY | O_DIRECTORY).synchronize(path: path)
  }
}
