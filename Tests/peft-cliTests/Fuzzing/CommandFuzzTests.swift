import Foundation
import PEFTRuns
import PEFTTensor
import TestSupport
import Testing

/// Changes every file that the command reads back, and runs the commands that read it.
///
/// `PEFT_FUZZ_CHANGES` is the number of changes to every file, `PEFT_FUZZ_SEED` the seed. The files
/// of a finding go to the directory `PEFT_FUZZ_FINDINGS`.
@Suite("Changed files")
struct CommandFuzzTests {
  private static func setting(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name]
  }
  private static let changes = setting("PEFT_FUZZ_CHANGES").flatMap { Int($0) } ?? 2
  private static let seed = setting("PEFT_FUZZ_SEED").flatMap { UInt64($0) } ?? 1

  @Test("a command on a changed file ends soon, with the same result or by naming the file")
  func changed() async throws {
    let works = FuzzedWork.allCases
    let changes = try await sideBySide(works.indices) { try change(works[$0]) }
    #expect(changes >= works.count)
  }

  /// Changes the files of some work; returns the number of changes.
  private func change(_ work: FuzzedWork) throws -> Int {
    let place = try Workplace(hiddenSize: 16, layerCount: 1)
    var bench = try FuzzBench(work.target(in: place), in: place)
    var random = SeededRandom(Self.seed &* 1000 &+ UInt64(work.rawValue.utf8.count))
    let files = try bench.files()
    for file in files {
      for round in 0..<Self.changes {
        // Some changes get new digests, so that the readers behind the digests see them.
        let isForged = !round.isMultiple(of: 2)
        let finding = try bench.finding(file, isForged: isForged, using: &random)
        guard let finding else { continue }
        Issue.record("\(work.rawValue), \(file), round \(round): \(finding)")
        if let findings = Self.setting("PEFT_FUZZ_FINDINGS") {
          try bench.keep(in: "\(findings)/\(work)-\(round)-\(file.replacing("/", with: "_"))")
        }
      }
    }
    return files.count * Self.changes
  }
}
