import CPEFTKernels
import Glibc

/// Bytes that processes of one machine have in memory once.
///
/// A change that a process makes to its bytes is seen by it alone, and takes memory for the pages
/// that it changes. No process can change, shorten or lengthen what the others see.
public final class SharedMemory: @unchecked Sendable {
  /// The bytes.
  public let bytes: UnsafeMutableRawBufferPointer

  private init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  deinit { munmap(bytes.baseAddress, bytes.count) }

  /// The bytes of an anonymous file; nil if there are not so many or the system refuses.
  fileprivate convenience init?(file: Int32, count: Int) {
    var status = stat()
    guard fstat(file, &status) == 0, status.st_size == count,
      let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0),
      start != MAP_FAILED
    else { return nil }
    self.init(UnsafeMutableRawBufferPointer(start: start, count: count))
  }
}

/// An anonymous file that the first process of a machine fills.
private final class MemoryFile {
  let number: Int32

  /// Creates a file of `count` bytes that `fill` writes, and that nobody can change any more; nil
  /// if the system refuses.
  init?(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
    let number = peft_memory_file()
    guard number >= 0 else { return nil }
    self.number = number
    // Asks for the pages now: a page that is not there when it is written would end the process.
    guard posix_fallocate(number, 0, off_t(count)) == 0,
      let start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED, number, 0),
      start != MAP_FAILED
    else { return nil }
    fill(UnsafeMutableRawBufferPointer(start: start, count: count))
    munmap(start, count)
    guard peft_seal(number) == 0 else { return nil }
  }

  deinit { close(number) }
}

extension Collective {
  /// Has `count` bytes, the same in all processes, in memory once for the processes of a machine.
  ///
  /// All processes make this call. The first of a machine fills the bytes, the others get them from
  /// it, through the list of its open files in `/proc`.
  ///
  /// - Parameter fill: writes the bytes.
  /// - Returns: nil if no other process of this machine can be seen, or the system refuses.
  public func share(
    _ count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
  ) throws -> SharedMemory? {
    guard self.count > 1 else { return nil }
    let places = try gather(bytes: Array(Self.place.utf8))
    let neighbours = places.indices.filter { places[$0] == places[rank] }
    let isFirst = neighbours.first == rank
    let file =
      isFirst && neighbours.count > 1 && count > 0 ? MemoryFile(count: count, fill: fill) : nil
    let number = if let file { Double(file.number) } else { -1.0 }
    let handles = try gather([Double(getpid()), number])
    let (process, handle) = (handles[neighbours[0]][0], handles[neighbours[0]][1])
    var memory: SharedMemory?
    if handle >= 0 {
      let opened = open("/proc/\(Int(process))/fd/\(Int(handle))", O_RDONLY | O_CLOEXEC)
      if opened >= 0 {
        memory = SharedMemory(file: opened, count: count)
        close(opened)
      }
    }
    // The first keeps its file open until all have it.
    try withExtendedLifetime(file) { try barrier() }
    return memory
  }

  /// What is the same for two processes only if each sees the other's entry in `/proc`.
  private static var place: String {
    let boot = (try? FileContents.read("/proc/sys/kernel/random/boot_id")) ?? []
    var name = [CChar](repeating: 0, count: 64)
    let length = readlink("/proc/self/ns/pid", &name, name.count)
    guard !boot.isEmpty, length > 0 else { return "process \(getpid())" }
    let letters = name.prefix(length).map { UInt8(bitPattern: $0) }
    return String(decoding: boot + letters, as: UTF8.self)
  }
}
