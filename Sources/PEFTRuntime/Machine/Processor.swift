import CPEFTKernels
import Glibc

/// What the machine gives this process: its cores, counted by affinity and by control group.
public enum Processor {
  /// The number of cores this process may use: the smaller of its affinity mask and the rounded-up
  /// quota of its control groups (`cpu.max`, or version 1's `cpu.cfs_quota_us`). At least 1.
  public static let availableCores: Int = {
    let affinity = Int(peft_affinity_cores())
    return max(1, min(affinity, ControlGroup().cores ?? affinity))
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
    statusBytes("VmHWM:")
  }

  /// Lets `peakResidentBytes` count anew from what is resident now; false where
  /// the system does not.
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

  /// Bytes this process may still take: the smallest of the system's `MemAvailable`, what its
  /// control groups leave, and what its limit on addresses (`ulimit -v`) does. `Int.max`
  /// where nothing tells.
  public static var availableMemory: Int {
    let lines = (try? FileContents.read("/proc/meminfo")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let words = lines?.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ")
    let system = words.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 1024 } ?? .max
    return min(system, ControlGroup().availableMemory ?? .max, availableAddresses)
  }

  /// Bytes that the limit on addresses leaves; `Int.max` without one.
  private static var availableAddresses: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur < UInt(1) << 60
    else { return .max }
    return max(0, Int(limit.rlim_cur) - statusBytes("VmSize:"))
  }

  /// Bytes of memory that this process has now.
  public static var residentMemory: Int { statusBytes("VmRSS:") }

  /// A number of `/proc/self/status` in bytes; 0 where there is none.
  private static func statusBytes(_ key: String) -> Int {
    let lines = (try? FileContents.read("/proc/self/status")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let words = lines?.first { $0.hasPrefix(key) }?.split(whereSeparator: \.isWhitespace)
    return words.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 1024 } ?? 0
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
