import Foundation
import PEFTRuntime
import Testing

@Suite("Control group limits")
struct ControlGroupTests {
  private let root = FileManager.default.temporaryDirectory
    .appending(path: "peft-groups-\(UUID().uuidString)")

  /// The control groups of a process in a tree with these files.
  private func group(_ membership: String, _ files: [String: String]) throws -> ControlGroup {
    for (name, text) in files.merging(["membership": membership], uniquingKeysWith: { $1 }) {
      let url = root.appending(path: name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    return ControlGroup(root: root.path, membership: root.path + "/membership")
  }

  @Test("the tightest limit on the path from a job's own group counts, without cached files")
  func second() throws {
    defer { try? FileManager.default.removeItem(at: root) }
    let group = try group(
      "0::/slurm/job_7/step_0\n",
      [
        "slurm/cpu.max": "max 100000\n", "slurm/job_7/cpu.max": "350000 100000\n",
        "slurm/job_7/step_0/cpu.max": "800000 100000\n",
        "slurm/job_7/memory.max": "4000\n", "slurm/job_7/memory.current": "3900\n",
        "slurm/job_7/memory.stat": "anon 1500\nfile 2400\ninactive_file 2000\nactive_file 400\n",
        "slurm/job_7/step_0/memory.max": "max\n", "slurm/job_7/step_0/memory.current": "3000\n",
        "slurm/memory.max": "9000\n", "slurm/memory.current": "5000\n",
        // The group of another job.
        "slurm/job_8/memory.max": "1\n", "slurm/job_8/memory.current": "1\n",
      ])
    #expect(group.cores == 4)
    #expect(group.availableMemory == 4000 - 1900)
  }

  @Test("version 1 has its limits by controller")
  func first() throws {
    defer { try? FileManager.default.removeItem(at: root) }
    let group = try group(
      "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/elsewhere\n",
      [
        "cpu/job/cpu.cfs_quota_us": "150000\n", "cpu/job/cpu.cfs_period_us": "100000\n",
        "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n",
        "memory/job/memory.limit_in_bytes": "1000\n", "memory/job/memory.usage_in_bytes": "900\n",
        "memory/job/memory.stat": "inactive_file 1\ntotal_inactive_file 300\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "5000\n",
      ])
    #expect(group.cores == 2)
    #expect(group.availableMemory == 400)
  }

  @Test("a container sees its own group at the root, and a path beyond it names none")
  func container() throws {
    defer { try? FileManager.default.removeItem(at: root) }
    let files = [
      "cpu.max": "200000 100000\n", "memory.max": "500\n", "memory.current": "700\n",
    ]
    for membership in ["0::/\n", "0::/../../other\n", ""] {
      let group = try group(membership, files)
      #expect(group.cores == 2)
      #expect(group.availableMemory == 0)
    }
    let none = ControlGroup(root: root.path + "/none", membership: root.path + "/none")
    #expect(none.cores == nil && none.availableMemory == nil)
  }
}
