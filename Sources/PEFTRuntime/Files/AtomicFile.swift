import Glibc
import Synchronization

/// A file that takes its final name only when it is complete and on the disk.
///
/// The bytes are written to a temporary file in the same directory, `.peft-PID-N.partial`. When all
/// bytes are written, the file is synchronized and renamed over the final path, and then the
/// directory is synchronized. At any moment, even after a power loss, the final path names either
/// the whole old file or the whole new one. A killed process leaves at most the temporary file.
/// `removeLeftOvers` removes it, because the writer's lock on it ended with the process.
public struct AtomicFile: ~Copyable {
  /// The suffix of the names of temporary files.
  public static let temporarySuffix = ".partial"

  /// Whether `name` is the name of a temporary file of this type, whose process may still be
  /// running.
  package static func isTemporary(_ name: String) -> Bool {
    name.wholeMatch(of: /\.peft-[0-9]+-[0-9]+\.partial/) != nil
  }

  /// The final path.
  public let path: String
  private let directory: String
  private let temporaryPath: String
  private let file: FileDescriptor
  private var isRenamed = false
  private static let counter = Atomic<UInt>(0)

  /// Replaces or creates the file at `path` with the bytes that `body` appends.
  ///
  /// The new file takes the permissions of the file it replaces. A symbolic link at `path` is
  /// itself replaced; its target does not change.
  ///
  /// Errors: whatever `body` throws; `notFound` for a missing directory; `storage` if the system
  /// refuses. After an error the old file is untouched and no temporary file is left. The one
  /// exception is the last step: if synchronizing the directory fails, the new file is in place but
  /// may not survive a power loss.
  public static func write(
    to path: String, _ body: (inout AtomicFile) throws(FileError) -> Void
  ) throws(FileError) {
    try FileError.checkPath(path)
    var file = try AtomicFile(replacing: path)
    try body(&file)
    try file.commit()
  }

  /// Replaces or creates the file at `path` with `bytes`.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try write(to: path) { (file) throws(FileError) in try file.append(bytes) }
  }

  /// Creates the file at `path` with `bytes`, in full or not at all.
  ///
  /// - Returns: whether the file was created; false if something already exists at `path`, which is
  ///   kept.
  package static func create(_ bytes: [UInt8], at path: String) throws(FileError) -> Bool {
    var file = try AtomicFile(replacing: path)
    try file.append(bytes)
    try file.file.synchronize(path: path)
    if link(file.temporaryPath, path) == 0 {
      try FileDescriptor(opening: file.directory, flags: O_RDONLY | O_DIRECTORY)
        .synchronize(path: path)
      return true
    }
    if errno == EEXIST { return false }
    // The file system does not support hard links.
    guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(errno) else {
      throw .system(errno, "cannot create", path: path)
    }
    try file.commit()
    return true
  }

  private init(replacing path: String) throws(FileError) {
    self.path = path
    directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
    while true {
      let number = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
      let name = "\(directory).peft-\(getpid())-\(number).partial"
      // A process with the same number, killed earlier or on another host, may have left this name.
      if access(name, F_OK) == 0 { continue }
      let file: FileDescriptor
      do throws(FileError) {
        file = try FileDescriptor(
          opening: name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o666, action: "cannot create")
      } catch {
        throw FileError(error.kind, path: path, reason: error.reason, remedy: error.remedy)
      }
      // Another process that removes left-overs may have removed the file before it was locked.
      let isLocked = flock(file.number, LOCK_EX | LOCK_NB) == 0
      if !isLocked, errno == EWOULDBLOCK { continue }
      if isLocked, access(name, F_OK) != 0 { continue }
      temporaryPath = name
      self.file = file
      return
    }
  }

  /// Removes the temporary files in the directory at `path` whose writers have ended. A file that
  /// cannot be removed, or whose writer may still be running, is kept.
  ///
  /// - Parameter isOwn: whether a file's contents, by its path, are the caller's. It decides in a
  ///   directory that may be somebody else's.
  package static func removeLeftOvers(
    in path: String, where isOwn: (String) -> Bool = { _ in true }
  ) {
    guard let directory = try? DirectoryHandle(path), let names = try? directory.names() else {
      return
    }
    for name in names
    where isTemporary(name) && isLeftOver(name, in: path) && isOwn(path + "/" + name) {
      try? directory.removeFile(name)
    }
  }

  /// Whether the writer of the temporary file `name` has ended.
  package static func isLeftOver(_ name: String, in path: String) -> Bool {
    guard isTemporary(name),
      let file = try? FileDescriptor(
        opening: path + "/" + name, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    else { return false }
    return flock(file.number, LOCK_EX | LOCK_NB) == 0
  }

  deinit {
    if !isRenamed { unlink(temporaryPath) }
  }

  /// Appends `bytes`.
  ///
  /// Errors: `storage` if the system does not write all of them.
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
  /// Errors: `storage` if the system does not write all of them.
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
