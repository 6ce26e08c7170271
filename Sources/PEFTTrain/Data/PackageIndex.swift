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
  /// These are the packages that can be installed, by `apt-cache dumpavail`; where this fails or
  /// knows fewer than `fewestPackages`, the installed ones, of which there are hundreds with long
  /// descriptions. Throws a `FileError` when the system has neither.
  public static func load() throws(FileError) -> (
    records: [PackageDescriptions.Record], source: String
  ) {
    let available = availablePackages().map(PackageDescriptions.records(in:)) ?? []
    if available.count >= fewestPackages { return (available, "apt-cache dumpavail") }
    guard FileManager.default.fileExists(atPath: statusPath) else {
      throw FileError(
        .notFound, path: statusPath, reason: "this system has no Debian package index",
        remedy: "train on a file of your own")
    }
    return (PackageDescriptions.records(in: try readBytes(statusPath)), statusPath)
  }

  /// What `apt-cache dumpavail` prints, or nil where it does not run or fails.
  private static func availablePackages() -> [UInt8]? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/apt-cache")
    process.arguments = ["dumpavail"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = try? output.fileHandleForReading.readToEnd()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data.map { [UInt8]($0) } : nil
  }
}
