import Foundation
import PEFTTensor

/// A directory that is built beside its final place and then moved there as a whole.
///
/// At any moment, however the process ends, the final place has either the old directory or the new
/// one.
///
/// It is built as `.NAME.peft-PID-N.partial`. If a process is killed, the next process that writes
/// the same directory removes its left-overs; the free lock shows that the writer has ended.
public final class StagedDirectory {
  /// The directory into which files are written until `commit`.
  package let output: OutputDirectory
  private let target: String
  private let parent: String
  /// The directory to replace, locked against other processes; nil if there is none.
  private let old: OutputDirectory?
  private var isCommitted = false

  /// Begins a directory whose final place is `path`.
  ///
  /// - Throws: `storage` if `path` has anything but an empty directory. With `overwriting`, a
  ///   directory of the same command is also accepted, unless it contains files made by others.
  public init(
    replacing path: String, as kind: OutputDirectory.Kind, overwriting: Bool
  ) throws(FileError) {
    target = absolutePath(path)
    let slash = target.lastIndex(of: "/") ?? target.startIndex
    parent = String(target[..<slash])
    let name = String(target[slash...].dropFirst())
    try Self.removeLeftOvers(of: name, in: parent)
    if try DirectoryHandle.entry(target) == nil {
      old = nil
    } else {
      old = try OutputDirectory(target, as: kind)
      try old?.checkReplaceable(named: path, overwriting: overwriting)
    }
    try DirectoryHandle.create(parent.isEmpty ? "/" : parent)
    var number = 0
    var place: String
    repeat {
      number += 1
      place = "\(parent)/.\(name).peft-\(getpid())-\(number).partial"
    } while try DirectoryHandle.entry(place) != nil
    do throws(FileError) {
      output = try OutputDirectory(place, as: kind)
    } catch {
      // This takes no file descriptor, which may be what is missing.
      rmdir(place)
      throw Self.error(error, at: place, naming: target)
    }
    do throws(FileError) { try output.begin(overwriting: false) } catch { throw named(error) }
  }

  deinit {
    if !isCommitted { try? OutputRemoval.removeAll(output.path, isLocked: true) }
  }

  /// Writes a file into the directory.
  public func write(_ bytes: [UInt8], to name: String) throws(FileError) {
    try naming { () throws(FileError) in try AtomicFile.write(bytes, to: output.file(name)) }
  }

  /// Moves the directory into its place and removes the old one.
  public func commit() throws(FileError) {
    try naming { () throws(FileError) in
      try output.settle()
      try output.copyPermissions(of: old)
      try DirectoryHandle(output.path).synchronize()
      try DirectoryHandle.exchange(output.path, with: target)
      isCommitted = true
      try DirectoryHandle(parent.isEmpty ? "/" : parent).synchronize()
    }
    // The old directory now has the new one's previous name. Failing to remove it does not fail the
    // command.
    if old != nil { try? OutputRemoval.removeAll(output.path, isLocked: true) }
  }

  /// Calls `body`. Its errors name the final place instead of the place where the directory is
  /// built.
  package func naming<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as FileError {
      throw named(error)
    }
  }

  private func naming(_ body: () throws(FileError) -> Void) throws(FileError) {
    do throws(FileError) { try body() } catch { throw named(error) }
  }

  private func named(_ error: FileError) -> FileError {
    Self.error(error, at: output.path, naming: target)
  }

  private static func error(
    _ error: FileError, at place: String, naming target: String
  ) -> FileError {
    FileError(
      error.kind, path: error.path.replacing(place, with: target), place: error.place,
      reason: error.reason.replacing(place, with: target), remedy: error.remedy)
  }

  /// Removes left-overs of killed processes for the directory `name`.
  private static func removeLeftOvers(of name: String, in parent: String) throws(FileError) {
    let start = ".\(name).peft-"
    let place = parent.isEmpty ? "/" : parent
    guard try DirectoryHandle.entry(place) == .directory else { return }
    for entry in try DirectoryHandle(place).names()
    where entry.hasPrefix(start)
      && entry.dropFirst(start.count).wholeMatch(of: /[0-9]+-[0-9]+\.partial(\.old)?/) != nil
    {
      // A locked directory is still being written.
      try? OutputRemoval.removeAll(parent + "/" + entry)
    }
  }
}

extension OutputDirectory {
  /// Throws if the directory may not be replaced as a whole.
  fileprivate func checkReplaceable(named name: String, overwriting: Bool) throws(FileError) {
    func refusal(_ reason: String, _ remedy: String) -> FileError {
      FileError(.storage, path: name, reason: reason, remedy: remedy)
    }
    if DirectoryHandle.isCurrent(path) {
      throw refusal("the current directory cannot be replaced whole", "name a directory below it")
    }
    if let listed = try listed(), !overwriting {
      throw refusal(
        "there is a \(listed) in it already", "name another directory, or add `overwrite`")
    }
    let strangers = try DirectoryHandle(path).names().filter {
      $0 != OutputMarker.fileName && !listing.files.contains($0)
        && !listing.directories.contains($0) && !AtomicFile.isTemporary($0)
    }
    if let stranger = strangers.min() {
      throw refusal(
        "\(stranger) in it was not made by the command, which would replace the whole directory",
        "move it away, or name another directory")
    }
  }

  /// Copies the permissions of the directory that is replaced.
  fileprivate func copyPermissions(of old: OutputDirectory?) throws(FileError) {
    guard let old else { return }
    try DirectoryHandle(path).setPermissions(of: DirectoryHandle(old.path))
  }
}
