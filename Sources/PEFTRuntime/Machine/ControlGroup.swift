/// The limits of this process's control group and of all groups above it, in versions 1 and 2.
///
/// A container sees its own group at the root of the file system. A job of a scheduler or of
/// systemd is in a group below the root, which `/proc/self/cgroup` names.
package struct ControlGroup {
  private let root: String
  /// Directories by controller, innermost first; version 2 has one unnamed controller.
  private let directories: [String: [String]]

  /// The groups listed in the file `membership`, below `root`.
  package init(root: String = "/sys/fs/cgroup", membership: String = "/proc/self/cgroup") {
    self.root = root
    var directories = ["": [root], "memory": [root + "/memory"], "cpu": [root + "/cpu"]]
    let lines = (try? FileContents.read(membership)).map { String(decoding: $0, as: UTF8.self) }
    for line in (lines ?? "").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      for controller in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
        guard let top = directories[String(controller)]?.last else { continue }
        var names = parts[2].split(separator: "/")
        if names.contains("..") { names = [] }
        directories[String(controller)] = (0...names.count).reversed().map {
          ([top] + names.prefix($0).map(String.init)).joined(separator: "/")
        }
      }
    }
    self.directories = directories
  }

  /// The number of cores that the tightest quota allows, rounded up; nil without a quota.
  package var cores: Int? {
    let second = (directories[""] ?? []).compactMap { directory -> Double? in
      guard
        let words = Processor.firstLine(of: directory + "/cpu.max")?.split(separator: " "),
        words.count == 2
      else { return nil }
      return Self.quotient(Double(words[0]), Double(words[1]))
    }
    let first = (directories["cpu"] ?? []).compactMap { directory in
      Self.quotient(
        Processor.firstLine(of: directory + "/cpu.cfs_quota_us").flatMap(Double.init),
        Processor.firstLine(of: directory + "/cpu.cfs_period_us").flatMap(Double.init))
    }
    return (second + first).min().map { Int($0.rounded(.up)) }
  }

  private static func quotient(_ quota: Double?, _ period: Double?) -> Double? {
    guard let quota, let period, quota > 0, period > 0, quota / period < 1e6 else { return nil }
    return quota / period
  }

  /// The bytes left under the tightest limit; nil without a limit. Cached copies of files count as
  /// free, because the system gives them back.
  package var availableMemory: Int? {
    func left(_ directory: String, limit: String, used: String, cached: String) -> Int? {
      func bytes(_ name: String) -> Int? {
        Processor.firstLine(of: directory + "/" + name).flatMap { Int($0) }
      }
      guard let limit = bytes(limit), limit < 1 << 60, let used = bytes(used) else { return nil }
      let statistics = (try? FileContents.read(directory + "/memory.stat")).map {
        String(decoding: $0, as: UTF8.self).split(separator: "\n")
      }
      let line = statistics?.first { $0.hasPrefix(cached + " ") }
      let copies = line.flatMap { Int($0.dropFirst(cached.count + 1)) } ?? 0
      return max(0, limit - max(0, used - copies))
    }
    let second = (directories[""] ?? []).compactMap {
      left($0, limit: "memory.max", used: "memory.current", cached: "inactive_file")
    }
    let first = (directories["memory"] ?? []).compactMap {
      left(
        $0, limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes",
        cached: "total_inactive_file")
    }
    return (second + first).min()
  }
}
