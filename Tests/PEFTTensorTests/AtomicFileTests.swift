import Foundation
import Glibc
import PEFTTensor
import Testing

private typealias Files = SafetensorsTestFiles

@Suite("Atomic files", .serialized)
struct AtomicFileTests {
  @Test("creates, replaces, keeps permissions, leaves nothing else")
  func writes() throws {
    try Files.withDirectory { directory in
      let path = "\(directory)/a"
      try AtomicFile.write([1, 2], to: path)
      #expect(try FileContents.read(path) == [1, 2])
      #expect(chmod(path, 0o640) == 0)
      try AtomicFile.write(to: path) { (file) throws(FileError) in
        try file.append([3])
        try file.append([])
        try file.append([4, 5])
      }
      #expect(try FileContents.read(path) == [3, 4, 5])
      var status = stat()
      #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
      #expect(try Files.names(in: directory) == ["a"])
    }
  }

  @Test("a symbolic link is itself replaced, its target does not change")
  func symbolicLink() throws {
    try Files.withDirectory { directory in
      try AtomicFile.write([1], to: "\(directory)/blob")
      #expect(symlink("blob", "\(directory)/link") == 0)
      try AtomicFile.write([2], to: "\(directory)/link")
      #expect(try FileContents.read("\(directory)/blob") == [1])
      #expect(try FileContents.read("\(directory)/link") == [2])
    }
  }

  @Test("during writing the old file is intact; a failure keeps it and leaves no temporary")
  func bodyFails() throws {
    try Files.withDirectory { directory in
      let path = "\(directory)/a"
      try AtomicFile.write([1], to: path)
      let failure = FileError(.malformed, path: "x", reason: "y")
      #expect(throws: failure) {
        try AtomicFile.write(to: path) { (file) throws(FileError) in
          try file.append([2])
          #expect((try? FileContents.read(path)) == [1])
          let names = try? Files.names(in: directory)
          #expect(names?.filter { $0.hasSuffix(AtomicFile.temporarySuffix) }.count == 1)
          throw failure
        }
      }
      #expect(try FileContents.read(path) == [1])
      #expect(try Files.names(in: directory) == ["a"])
    }
  }

  @Test("a failure of the final rename leaves no temporary either")
  func targetIsDirectory() throws {
    try Files.withDirectory { directory in
      try FileManager.default.createDirectory(
        atPath: "\(directory)/a", withIntermediateDirectories: false)
      #expect {
        try AtomicFile.write([1], to: "\(directory)/a")
      } throws: { "\($0)".contains("cannot replace: Is a directory") }
      #expect(try Files.names(in: directory) == ["a"])
      #expect {
        try AtomicFile.write([1], to: "\(directory)/none/a")
      } throws: { ($0 as? FileError)?.kind == .notFound }
      #expect(throws: FileError.self) { try AtomicFile.write([1], to: "\(directory)/b\u{0}c") }
      #expect(try Files.names(in: directory) == ["a"])
    }
  }

  @Test("a write cut short by a limit on file sizes leaves the old file and no temporary")
  func shortWrite() async {
    // Run in a separate process, because the limit applies to all threads.
    await #expect(processExitsWith: .success) {
      try Files.withDirectory { directory in
        let path = "\(directory)/a"
        try AtomicFile.write([1], to: path)
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 10_000, rlim_max: rlim_t.max)
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        #expect {
          try AtomicFile.write([UInt8](repeating: 2, count: 30_000), to: path)
        } throws: {
          ($0 as? FileError)?.kind == .storage && "\($0)".contains("cannot write: File too large")
        }
        #expect(try FileContents.read(path) == [1])
        #expect(try Files.names(in: directory) == ["a"])
      }
    }
  }

  @Test("a directory without write permission: the old file is kept, the error says permission")
  func readOnlyDirectory() async {
    // Run in a separate process, because root must give up its rights to be refused.
    await #expect(processExitsWith: .success) {
      try Files.withDirectory { directory in
        let path = "\(directory)/a"
        try AtomicFile.write([1], to: path)
        #expect(chmod(directory, 0o555) == 0)
        let user = geteuid()
        if user == 0 { #expect(seteuid(65534) == 0) }
        #expect {
          try AtomicFile.write([2], to: path)
        } throws: {
          ($0 as? FileError)?.kind == .storage
            && "\($0)".hasPrefix("\(path): cannot create: Permission denied")
        }
        if user == 0 { #expect(seteuid(0) == 0) }
        #expect(chmod(directory, 0o755) == 0)
        #expect(try FileContents.read(path) == [1])
        #expect(try Files.names(in: directory) == ["a"])
      }
    }
  }

  @Test(
    "a process killed while writing leaves the old file, and a temporary recognised by its name")
  func killed() async throws {
    let directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("peft-tests-\(UUID().uuidString)").path
    #expect(mkdir(directory, 0o755) == 0)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try AtomicFile.write([1], to: "\(directory)/a")
    await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
      try AtomicFile.write(to: "\(directory)/a") { (file) throws(FileError) in
        try file.append([2])
        kill(getpid(), SIGKILL)
      }
    }
    #expect(try FileContents.read("\(directory)/a") == [1])
    let names = try Files.names(in: directory)
    #expect(names.count == 2 && names[0].hasSuffix(AtomicFile.temporarySuffix))
    try AtomicFile.write([3], to: "\(directory)/a")
    #expect(try FileContents.read("\(directory)/a") == [3])
  }
}
