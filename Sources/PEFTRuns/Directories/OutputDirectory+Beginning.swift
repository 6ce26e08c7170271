import PEFTTensor

extension OutputDirectory {
  /// Throws if a command could not begin in `path`.
  ///
  /// Creates nothing.
  public static func check(
    _ path: String, as kind: Kind, overwriting: Bool
  ) throws(FileError) {
    guard try DirectoryHandle.entry(path) != nil,
      let name = try OutputDirectory(path, as: kind).listed(), !overwriting
    else { return }
    throw FileError(
      .storage, path: path, reason: "there is a \(name) in it already",
      remedy: "name another directory, or add `overwrite`")
  }

  /// A new directory for files that the command creates itself.
  ///
  /// With `overwriting`, it replaces an older one.
  public static func new(
    _ path: String, as kind: Kind, overwriting: Bool
  ) throws(FileError) -> OutputDirectory {
    let output = try OutputDirectory(path, as: kind)
    try output.begin(overwriting: overwriting)
    return output
  }
}
