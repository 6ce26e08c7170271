import Foundation
import PEFTRuns
import PEFTTensor
import TestSupport
import Testing

/// A copy of the files of some work, which is changed, and the results of commands on them.
struct FuzzBench {
  private let target: FuzzedWork.Target
  /// The copy that the commands see.
  private let copy: String
  /// A path for results of its own.
  private let output: String
  /// What each command does to unchanged files.
  private var results: [Results?] = []

  private struct Results {
    let text: String
    let files: [String: String]
    /// The files that two processes write differently, because they hold what was measured.
    var measured: Set<String> = []
    /// Whether the text is another for each process.
    var isTextMeasured = false
  }

  init(_ target: FuzzedWork.Target, in place: Workplace) throws {
    self.target = target
    (copy, output) = (place.directory.path("copy"), place.directory.path("output"))
    results = target.commands.map { _ in nil }
  }

  /// The files, by their paths in the directory.
  func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: target.directory).sorted().filter {
      isFile(target.directory + "/" + $0)
    }
  }

  /// Changes a file and runs one of the commands.
  ///
  /// - Parameter isForged: whether other files get the digest of the changed one.
  /// - Returns: what the command did wrong; nil if nothing.
  mutating func finding(
    _ file: String, isForged: Bool, using random: inout SeededRandom
  ) throws -> String? {
    let index = Int.random(in: target.commands.indices, using: &random)
    let before = try bytes(target.directory + "/" + file)
    let change = ByteChange(of: before, using: &random)
    let wanted = try unchanged(index)
    try begin()
    try Data(change.bytes).write(to: URL(filePath: copy + "/" + file))
    if isForged { try forge(file) }
    let written = try bytes(copy + "/" + file)
    let result = try run(index)
    func wrong(_ what: String) -> String {
      "\(what) of \(target.commands[index].prefix(2)) after \(change)"
        + "\(isForged ? ", with digests" : ""): \(result.status) \(result.errors.suffix(300))"
    }
    switch result.status {
    case 0:
      guard target.isBound, !isForged else { return nil }
      let found = try results(of: result, index)
      // A changed file that the command did not use stays as it is, and may be copied.
      let own = [copy, output].map { $0 + "/" + file }
        .filter { (try? bytes($0)) == written }
      let others = Set(found.files.keys).union(wanted.files.keys).subtracting(wanted.measured)
        .subtracting(own).filter { found.files[$0] != wanted.files[$0] }
      let isSame = others.isEmpty && (wanted.isTextMeasured || found.text == wanted.text)
      if isSame || result.errors.contains(URL(filePath: file).lastPathComponent) { return nil }
      return wrong("another result (\(others.sorted()), \(found.text.prefix(200)))")
    case 2, 3, 4, 6:
      let isNamed = result.errors.contains(URL(filePath: file).lastPathComponent)
      let isExplained = result.errors.contains("peft: ") || result.errors.contains("Error: ")
      // What a file asks for may be wrong elsewhere, such as a path in a file of options.
      let needsName = target.isBound && !isForged
      return isExplained && (isNamed || !needsName) ? nil : wrong("an error without the name")
    default: return wrong("an end")
    }
  }

  /// Keeps the changed files.
  func keep(in directory: String) throws {
    try FileManager.default.createDirectory(
      atPath: URL(filePath: directory).deletingLastPathComponent().path,
      withIntermediateDirectories: true)
    try? FileManager.default.removeItem(atPath: directory)
    try FileManager.default.copyItem(atPath: copy, toPath: directory)
  }

  private func begin() throws {
    for path in [copy, output] { try? FileManager.default.removeItem(atPath: path) }
    try FileManager.default.copyItem(atPath: target.directory, toPath: copy)
  }

  private func run(_ index: Int) throws -> PEFTProcess {
    try FuzzedCommand.run(
      target.commands[index].map {
        $0 == "OUT" ? output : $0.hasPrefix("DIR") ? copy + $0.dropFirst(3) : $0
      }, input: "{\"text\": \"red good red\"}\n")
  }

  /// The results of a command on unchanged files: those that two processes agree on.
  private mutating func unchanged(_ index: Int) throws -> Results {
    if let known = results[index] { return known }
    var found: [Results] = []
    for _ in 0..<2 {
      try begin()
      let result = try run(index)
      try #require(
        result.status == 0 || !target.isBound, "\(target.commands[index]): \(result.errors)")
      found.append(try self.results(of: result, index))
    }
    var first = found[0]
    first.measured = Set(first.files.keys).union(found[1].files.keys)
      .filter { found[0].files[$0] != found[1].files[$0] }
    first.isTextMeasured = found[0].text != found[1].text
    results[index] = first
    return first
  }

  private func results(of result: PEFTProcess, _ index: Int) throws -> Results {
    let isPage = target.commands[index][0] == "report"
    var files: [String: String] = [:]
    for root in [copy, output] {
      if isFile(root) { files[root] = try text(root) }
      let names = (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
      for name in names
      where isFile(root + "/" + name) && !Self.isTimed(name)
        && (isPage || !name.hasSuffix(".html"))
      {
        files[root + "/" + name] = try text(root + "/" + name)
      }
    }
    return Results(text: Self.withoutTimes(result.output), files: files)
  }

  private static func isTimed(_ name: String) -> Bool {
    let last = URL(filePath: name).lastPathComponent
    return last.hasPrefix("event")
      || [".peft.json", "environment.json", "suite.json"].contains(last)
  }

  private func text(_ path: String) throws -> String {
    Self.withoutTimes(String(decoding: try bytes(path), as: UTF8.self))
  }

  /// A text without durations, memory and digests of files that have them.
  private static func withoutTimes(_ text: String) -> String {
    text.replacing(
      /"[A-Za-z]*([sS]econds|tokensPerSecond|peakMemory|command)": ?("[^"]*"|[0-9.e-]+)/, with: ""
    ).replacing(/in [0-9.]+ m?s(, [0-9,.]+ tokens\/s)?/, with: "").replacing(
      /[0-9a-f]{64}/, with: "")
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path)))
  }

  private func isFile(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      && !isDirectory.boolValue
  }

  /// Gives a changed document its own digest, and the documents that have the old digest of a
  /// changed file its new one.
  private func forge(_ file: String) throws {
    var changed = [(file, try Fingerprint.file(target.directory + "/" + file))]
    try seal(file)
    let documents = try files().filter { $0.hasSuffix(".json") && $0 != file }
    while let (name, old) = changed.popLast() {
      let new = try Fingerprint.file(copy + "/" + name)
      for document in documents {
        let path = copy + "/" + document
        let text = String(decoding: try bytes(path), as: UTF8.self)
        guard text.contains(old) else { continue }
        changed.append((document, try Fingerprint.file(path)))
        try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        try seal(document)
      }
    }
  }

  private func seal(_ file: String) throws {
    let path = copy + "/" + file
    guard var object = (try? JSONValue(contentsOf: path))?.object,
      var files = object["files"]?.object
    else { return }
    // The name of the document's own digest. In a suite it is not that of the file.
    let own = [URL(filePath: file).lastPathComponent, "cell.json", "influence.json", "plan.json"]
    guard let name = own.first(where: { files[$0] != nil }) else { return }
    files[name] = nil
    object["files"] = .object(files)
    try SealedFile.write(object, named: name, to: path)
  }
}
