import Foundation
import PEFTTensor

/// Where this machine keeps its packages' descriptions.
public enum PackageIndex {
  /// The packages that are installed, in every Debian system.
  public static let statusPath = "/var/lib/dpkg/status"
  /// An index of fewer packages is taken to be empty but for strays.
  public static let fewestPackages = 1000

  /// The packages that the system knows, and the name of their source.
  ///
  /// These are the packages that can be installed, by `apt-cache dumpavail`; where this fails
  /// or knows fewer than `fewestPackages`, the installed ones, of which there are hundreds
  /// with long descriptions. Throws a `FileError` when the system has neither, or no open
  /// file left to read them.
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
