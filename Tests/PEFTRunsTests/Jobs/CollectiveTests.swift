import Foundation
import PEFTData
import PEFTModels
import PEFTTensor
import PEFTTrain
import Testing

/// Two processes that exchange numbers through two named pipes.
private final class PipePair: Collective {
  let rank: Int
  let count = 2
  private let reading: FileHandle
  private let writing: FileHandle

  struct Gone: Error {}

  static func make(in directory: String) throws {
    for name in ["0", "1"] {
      guard mkfifo(directory + "/from-" + name, 0o600) == 0 else { throw Gone() }
    }
  }

  init(rank: Int, in directory: String) throws {
    self.rank = rank
    // Both are opened for reading and writing, so that neither open blocks.
    func open(_ name: Int) throws -> FileHandle {
      try FileHandle(forUpdating: URL(filePath: directory + "/from-\(name)"))
    }
    (reading, writing) = (try open(1 - rank), try open(rank))
  }

  private func exchange(_ mine: Data) throws -> Data {
    // A pipe has a limited capacity, so the first process writes while the second reads.
    if rank == 0 { try writing.write(contentsOf: mine) }
    var theirs = Data()
    while theirs.count < mine.count {
      guard let part = try reading.read(upToCount: mine.count - theirs.count), !part.isEmpty
      else { throw Gone() }
      theirs += part
    }
    if rank == 1 { try writing.write(contentsOf: mine) }
    return theirs
  }

  func sum(_ numbers: UnsafeMutableBufferPointer<Float>) throws {
    let theirs = try exchange(Data(buffer: numbers))
    theirs.withUnsafeBytes { bytes in
      for index in numbers.indices {
        numbers[index] += bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
      }
    }
  }

  func sum(_ numbers: [Double]) throws -> [Double] {
    let theirs = try exchange(numbers.withUnsafeBytes { Data($0) })
    return theirs.withUnsafeBytes { bytes in
      numbers.indices.map {
        numbers[$0] + bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self)
      }
    }
  }
}

@Suite("Processes that train together")
struct CollectiveTests {
  private static let methods: [String: any AdaptationMethod] = [
    "full": FullTuning(), "lora": LowRankAdaptation(rank: 4),
    "id3": IncrementalUnmasking(share: 0.01),
  ]

  /// Trains with the given processes, with batches of five so that their parts are unequal, and
  /// returns the final values.
  private static func train(
    _ method: String, with collective: any Collective = Alone()
  ) throws -> (values: [Float], losses: [Double]) {
    let job = try TrainingJobTests().prepared(#require(methods[method])) { job in
      job.settings.batches = BatchPlan(size: .examples(5))
      job.settings.length = .steps(12)
      job.settings.usesDropout = false
      job.settings.evaluationInterval = 6
    }
    var losses: [Double] = []
    _ = try PEFTTrain.train(
      job.model, on: job.train, evaluatingOn: job.dev, task: job.task, settings: job.job.settings,
      session: job.session, collective: collective
    ) { event in
      if case .step(let report) = event { losses.append(report.numbers.loss) }
    }
    return (job.model.parameters.flatMap(\.parameter.value.elements), losses)
  }

  @Test(
    "two processes agree bit for bit, and agree with a single one within rounding",
    arguments: ["full", "lora", "id3"])
  func two(method: String) async throws {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-collective-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try PipePair.make(in: directory)
    async let first = #expect(processExitsWith: .success) {
      [directory = directory as String, method = method as String] in
      try Self.work(method, rank: 0, in: directory)
    }
    async let second = #expect(processExitsWith: .success) {
      [directory = directory as String, method = method as String] in
      try Self.work(method, rank: 1, in: directory)
    }
    _ = await (first, second)
    let files = try ["0", "1"].map { try Data(contentsOf: URL(filePath: directory + "/" + $0)) }
    #expect(files[0] == files[1])
    let alone = try Self.train(method)
    let together = files[0].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    try #require(together.count == alone.values.count + alone.losses.count)
    var (distance, size) = (0.0, 0.0)
    for (one, other) in zip(alone.values, together) {
      distance += Double(one - other) * Double(one - other)
      size += Double(one) * Double(one)
    }
    // Twelve steps of AdamW, whose division amplifies the rounding of sums in a different order.
    #expect((distance / size).squareRoot() < 1e-4, "\(distance) of \(size)")
    for (one, other) in zip(alone.losses, together.suffix(alone.losses.count)) {
      #expect(abs(one - Double(other)) < 1e-4 * one)
    }
    #expect(alone.losses.first != alone.losses.last)
  }

  private static func work(_ method: String, rank: Int, in directory: String) throws {
    let (values, losses) = try train(method, with: PipePair(rank: rank, in: directory))
    let all = values + losses.map { Float($0) }
    try all.withUnsafeBytes { Data($0) }.write(to: URL(filePath: "\(directory)/\(rank)"))
  }
}
