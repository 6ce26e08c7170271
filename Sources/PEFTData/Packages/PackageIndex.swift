import Foundation
import PEFTTensor

/// The package descriptions that this machine stores.
public enum PackageIndex {
  /// The list of installed packages, present on every Debian system.
  public static let statusPath = "/var/lib/dpkg/status"
  /// An index with fewer packages counts as empty.
  public static let fewestPackages = 1000

  /// The packages that the system knows, and the name of the source.
  ///
  /// The source is the list of installable packages from `apt-cache dumpavail`. If that fails or
  /// lists fewer than `fewestPackages`, it is the list of installed packages, hundreds of which
  /// have long descriptions. Throws a `FileError` if the system has neither, or if no more files
  /// can be opened.
  public static func load() throws(FileError) -> (
    records: [PackageDescriptions.Record], source: String
  ) {
    let printed = try ProgramOutput.read(
      "/usr/bin/apt-cache", ["dumpavail"],
      environment: ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" })
    let available = printed.map(PackageDescriptions.records(in:)) ?? []
    if available.count >= fewestPackages { return (available, "apt-cache dumpavail") }
    guard FileManager.default.fileExists(atPath: statusPath) else {
      throw FileError(
        .notFound, path: statusPath, reason: "this system has no Debian package index",
        remedy: "train on a file of your own")
    }
    return (PackageDescriptions.records(in: try readBytes(statusPath)), statusPath)
  }
}
