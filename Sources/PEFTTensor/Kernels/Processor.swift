import CPEFTKernels
import Glibc

/// What the machine gives this process: its cores, counted by affinity and by control group.
public enum Processor {
  /// The number of cores this process may use: the smaller of its affinity mask and the rounded-up
  /// quota of its control group (`cpu.max`, or version 1's `cpu.cfs_quota_us`). At least 1.
  public static let availableCores: Int = {
    let affinity = Int(peft_affinity_cores())
    return max(1, min(affinity, controlGroupCores ?? affinity))
  }()

  /// The processor's name as the system gives it.
  public static let modelName: String = {
    let key = "model name"
    let line = (try? FileContents.read("/proc/cpuinfo")).flatMap { bytes in
      String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(key) }
    }
    return line?.split(separator: ":").last.map { $0.trimmingPrefix(" ") }.map(String.init)
      ?? "unknown"
  }()

  /// The most memory this process has held resident so far, in bytes; 0 where the system does not
  /// tell.
  public static var peakResidentBytes: Int {
    let lines = (try? FileContents.read("/proc/self/status")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let peak = lines?.first { $0.hasPrefix("VmHWM:") }?.split(separator: " ").dropFirst().first
    return 1024 * (peak.flatMap { Int($0.trimmingPrefix("\t")) } ?? 0)
  }

  /// Lets `peakResidentBytes` count anew from what is resident now; false where the system does not.
  public static func resetPeakResidentBytes() -> Bool {
    guard let file = fopen("/proc/self/clear_refs", "we") else { return false }
    let written = fputs("5", file)
    return fclose(file) == 0 && written >= 0
  }

  /// The features the processor reports, such as `avx2`; empty where the system does not tell.
  public static let flags: Set<String> = {
    let text = (try? FileContents.read("/proc/cpuinfo")).map { String(decoding: $0, as: UTF8.self) }
    let line = text?.split(separator: "\n").first { $0.hasPrefix("flags") }
    return Set((line ?? "").split(separator: " ").map(String.init))
  }()

  /// The core type whose kernels BLAS runs.
  public static var blasCoreName: String { BLAS.coreName }

  /// BLAS's version and build options.
  public static var blasConfiguration: String { BLAS.configuration }

  /// Bytes this process may still take: the smaller of the system's `MemAvailable` and what its
  /// control group leaves (`memory.max` − `memory.current`). `Int.max` where nothing tells.
  public static var availableMemory: Int {
    let lines = (try? FileContents.read("/proc/meminfo")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let words = lines?.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ")
    let system = words.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 1024 } ?? .max
    guard let limit = firstLine(of: "/sys/fs/cgroup/memory.max").flatMap(Int.init),
      let used = firstLine(of: "/sys/fs/cgroup/memory.current").flatMap(Int.init)
    else { return system }
    return min(system, max(0, limit - used))
  }

  /// Bytes of memory that this process has now.
  public static var residentMemory: Int {
    let lines = (try? FileContents.read("/proc/self/status")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let words = lines?.first { $0.hasPrefix("VmRSS:") }?.split(whereSeparator: \.isWhitespace)
    return words.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 1024 } ?? 0
  }

  private static var controlGroupCores: Int? {
    if let words = firstLine(of: "/sys/fs/cgroup/cpu.max")?.split(separator: " "),
      words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), period > 0
    {
      return Int((quota / period).rounded(.up))
    }
    if let quota = firstLine(of: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us").flatMap(Double.init),
      let period = firstLine(of: "/sys/fs/cgroup/cpu/cpu.cfs_period_us").flatMap(Double.init),
      quota > 0, period > 0
    {
      return Int((quota / period).rounded(.up))
    }
    return nil
  }

  /// The first line of a small system file, nil where there is none.
  static func firstLine(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 4096)
    guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
    let bytes = buffer.prefix { $0 != 0 && $0 != CChar(UInt8(ascii: "\n")) }.map(
      UInt8.init(bitPattern:))
    return String(decoding: bytes, as: UTF8.self)
  }
}
