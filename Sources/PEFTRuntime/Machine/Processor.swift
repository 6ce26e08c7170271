import CPEFTKernels
import Glibc

/// The resources that the machine gives this process: cores, by affinity and control groups, and
/// memory.
public enum Processor {
  /// The number of cores this process may use: the smaller of its affinity mask and the rounded-up
  /// quota of its control groups (`cpu.max`, or version 1's `cpu.cfs_quota_us`). At least 1.
  public static let availableCores: Int = {
    let affinity = Int(peft_affinity_cores())
    return max(1, min(affinity, ControlGroup().cores ?? affinity))
  }()

  /// The processor's name as the system reports it.
  public static let modelName: String = {
    let key = "model name"
    let line = (try? FileContents.read("/proc/cpuinfo")).flatMap { bytes in
      String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(key) }
    }
    return line?.split(separator: ":").last.map { $0.trimmingPrefix(" ") }.map(String.init)
      ?? "unknown"
  }()

  /// The peak resident memory of this process so far, in bytes; 0 if the system does not report it.
  public static var peakResidentBytes: Int {
    statusBytes("VmHWM:")
  }

  /// Resets `peakResidentBytes` to the memory resident now.
  ///
  /// Returns false if the system does not support it.
  public static func resetPeakResidentBytes() -> Bool {
    guard let file = fopen("/proc/self/clear_refs", "we") else { return false }
    let written = fputs("5", file)
    return fclose(file) == 0 && written >= 0
  }

  /// The features that the processor reports, such as `avx2`; empty if the system does not report
  /// them.
  public static let flags: Set<String> = {
    let text = (try? FileContents.read("/proc/cpuinfo")).map { String(decoding: $0, as: UTF8.self) }
    let line = text?.split(separator: "\n").first { $0.hasPrefix("flags") }
    return Set((line ?? "").split(separator: " ").map(String.init))
  }()

  /// The number of bytes that this process may still allocate: the smallest of the system's
  /// `MemAvailable`, the remainder of its control groups, and the remainder of its address space
  /// limit (`ulimit -v`). `Int.max` if none of them is known.
  public static var availableMemory: Int {
    let lines = (try? FileContents.read("/proc/meminfo")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let words = lines?.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ")
    let system = words.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 1024 } ?? .max
    return min(system, ControlGroup().availableMemory ?? .max, availableAddresses)
  }

  /// The bytes left under the address space limit; `Int.max` without a limit.
  private static var availableAddresses: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur < UInt(1) << 60
    else { return .max }
    return max(0, Int(limit.rlim_cur) - statusBytes("VmSize:"))
  }

  /// The resident memory of this process now, in bytes.
  public static var residentMemory: Int { statusBytes("VmRSS:") }

  /// A number of `/proc/self/status` in bytes; 0 if it is missing.
  private static func statusBytes(_ key: String) -> Int {
    let lines = (try? FileContents.read("/proc/self/status")).map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n")
    }
    let words = lines?.first { $0.hasPrefix(key) }?.split(whereSeparator: \.isWhitespace)
    return words.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 1024 } ?? 0
  }

  /// The first line of a small system file; nil if there is none.
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
