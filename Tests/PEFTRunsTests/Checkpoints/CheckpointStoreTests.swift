import Foundation
import PEFTRuns
import PEFTTensor
import Testing

@Suite("Checkpoint store")
struct CheckpointStoreTests {
  private typealias Store = CheckpointStore<CountedState>
  private static let recipe: JSONObject = [
    "version": .integer(2), "seed": .string("1"), "rate": .number(0.5),
  ]
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "peft-store-\(UUID().uuidString)").path
  private var manifest: String { path + "/counted.json" }

  private func state(_ batches: Int, _ count: Int) -> CountedState {
    CountedState(
      batches: batches, sums: [Float(batches), -0.0, 1.5], rows: (0..<count).map { Float($0) / 3 })
  }

  private func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// The directory, and a store in it with these states, newest last.
  private func saved(_ states: CountedState...) throws -> (OutputDirectory, Store) {
    let output = try OutputDirectory(path, as: .run)
    try output.begin(overwriting: true)
    var store = Store(directory: path, recipe: Self.recipe)
    for state in states { try store.save(state, into: output) }
    return (output, store)
  }

  private func opened() throws -> Store {
    try #require(try Store.open(path, recipe: Self.recipe))
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != ".peft.json" }.sorted()
  }

  /// Changes the last byte of a file.
  private func damage(_ name: String) throws {
    let url = URL(filePath: path + "/" + name)
    var bytes = try Data(contentsOf: url)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: url)
  }

  private func changeManifest(_ edit: (String) -> String) throws {
    let text = try String(contentsOfFile: manifest, encoding: .utf8)
    let edited = edit(text)
    try #require(edited != text)
    try edited.write(toFile: manifest, atomically: true, encoding: .utf8)
  }

  /// The inode of a file, which changes when the file is written again.
  private func inode(_ name: String) throws -> UInt64 {
    let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
    return try #require(attributes[.systemFileNumber] as? UInt64)
  }

  // MARK: - Saving

  @Test("the newest state is read with its marks; an empty store has none")
  func roundTrip() throws {
    defer { remove() }
    var (output, store) = try saved()
    #expect(try Store.open(path, recipe: Self.recipe) == nil)
    var table = try RunTable(creating: output.file("table.csv"), header: "a,b")
    for count in 1...3 {
      try table.append("\(count),0")
      try store.save(state(2, count), marks: ["table.csv": table.mark], into: output)
    }
    var again = try opened()
    let found = try again.load(for: 3)
    #expect(found.state == state(2, 3) && found.warning == nil)
    #expect(found.marks == ["table.csv": table.mark])
    #expect(try names().count == 5)
  }

  @Test("the last two states are kept; older state files are removed, other files are not")
  func leftOvers() throws {
    defer { remove() }
    var (output, store) = try saved(state(1, 0), state(1, 1))
    // A killed process has listed the files that it was about to write.
    for name in ["rows-9.safetensors", "large-sums-8.safetensors", "rows-9.json"] {
      try Data("left".utf8).write(to: URL(filePath: output.file(name)))
    }
    try Data("mine".utf8).write(to: URL(filePath: path + "/rows-7.safetensors"))
    try store.save(state(2, 2), into: output)
    #expect(
      try names() == [
        "counted.json", "large-sums-1.safetensors", "large-sums-2.safetensors",
        "rows-1.safetensors", "rows-2.safetensors", "rows-7.safetensors", "rows-9.json",
      ])
    try Store.remove(from: output)
    #expect(try names() == ["rows-7.safetensors", "rows-9.json"])
    // A missing file is no longer listed, so a new file of that name is somebody else's.
    try Data("mine".utf8).write(to: URL(filePath: path + "/rows-2.safetensors"))
    #expect(throws: FileError.self) { try store.save(state(2, 2), into: output) }
    #expect(try Data(contentsOf: URL(filePath: path + "/rows-2.safetensors")) == Data("mine".utf8))
  }

  @Test("a part with an unchanged key is not written again, even after reopening")
  func unchangedPart() throws {
    defer { remove() }
    var (output, store) = try saved(state(4, 1))
    let (sums, rows) = try (inode("large-sums-4.safetensors"), inode("rows-1.safetensors"))
    try store.save(state(4, 2), into: output)
    #expect(try inode("large-sums-4.safetensors") == sums)
    var again = try opened()
    _ = try again.load(for: 9)
    try again.save(state(4, 3), into: output)
    #expect(try inode("large-sums-4.safetensors") == sums)
    #expect(try !names().contains("rows-1.safetensors") && rows != sums)
    try again.save(state(5, 3), into: output)
    #expect(try inode("large-sums-5.safetensors") != sums)
    var last = try opened()
    #expect(try last.load(for: 9).state == state(5, 3))
  }

  @Test("a directory without a marker is recognised by the manifest")
  func withoutMarker() throws {
    defer { remove() }
    _ = try saved(state(1, 1))
    try Data().write(to: URL(filePath: path + "/notes.txt"))
    #expect(
      try Store.fileNames(in: path)?.sorted()
        == ["counted.json", "large-sums-1.safetensors", "rows-1.safetensors"])
    try FileManager.default.removeItem(atPath: manifest)
    #expect(try Store.fileNames(in: path) == nil)
  }

  @Test("left-overs of an ended job are removed, unless another process works there")
  func tidied() throws {
    defer { remove() }
    do {
      let (output, _) = try saved(state(1, 1))
      try Store.tidy(path, as: .run)
      #expect(try names().count == 3)
      withExtendedLifetime(output) {}
    }
    try Store.tidy(path, as: .probe)
    #expect(try names().count == 3, "a directory of another command")
    try Store.tidy(path, as: .run)
    #expect(try names().isEmpty)
  }

  // MARK: - Damage

  @Test(
    "if a file of the newest state is damaged or missing, the previous state is read",
    arguments: ["rows-2.safetensors", "large-sums-6.safetensors"], [true, false])
  func fallsBack(name: String, isMissing: Bool) throws {
    defer { remove() }
    let (output, _) = try saved(state(5, 1), state(6, 2))
    if isMissing {
      try FileManager.default.removeItem(atPath: path + "/" + name)
    } else {
      try damage(name)
    }
    var store = try opened()
    let found = try store.load(for: 9)
    #expect(found.state == state(5, 1))
    let warning = try #require(found.warning)
    #expect(
      warning.contains(name) && warning.contains(isMissing ? "missing" : "SHA-256")
        && warning.contains("resuming from count 1"), "\(warning)")
    // The damaged file is written again and is then intact.
    try store.save(state(6, 2), into: output)
    var again = try opened()
    let whole = try again.load(for: 9)
    #expect(whole.state == state(6, 2) && whole.warning == nil)
    try damage("rows-2.safetensors")
    var last = try opened()
    #expect(try last.load(for: 9).state == state(5, 1), "the one before was kept")
  }

  @Test("if no state is intact, the error names every damaged file")
  func bothDamaged() throws {
    defer { remove() }
    _ = try saved(state(5, 1), state(5, 2))
    try damage("rows-1.safetensors")
    try FileManager.default.removeItem(atPath: path + "/rows-2.safetensors")
    var store = try opened()
    let error = #expect(throws: FileError.self) { try store.load(for: 9) }
    #expect(error?.kind == .malformed && error?.path == manifest)
    for word in ["rows-1.safetensors", "rows-2.safetensors"] {
      #expect(error?.reason.contains(word) == true, "\(word): \(error?.reason ?? "")")
    }
    #expect(error?.remedy.contains("`overwrite`") == true)
  }

  // MARK: - Refusals

  @Test("a state of another recipe is refused, and the error names the difference")
  func otherRecipe() throws {
    defer { remove() }
    _ = try saved(state(1, 1))
    var other = Self.recipe
    other["rate"] = .number(0.25)
    let error = #expect(throws: FileError.self) { try Store.open(path, recipe: other) }
    #expect(error?.kind == .malformed && error?.path == manifest && error?.place == "rate")
    #expect(error?.reason.contains("0.5") == true && error?.reason.contains("0.25") == true)
  }

  @Test("the state's reader may refuse it, and its refusal is not damage")
  func otherSubject() throws {
    defer { remove() }
    _ = try saved(state(1, 1), state(1, 3))
    var store = try opened()
    let error = #expect(throws: FileError.self) { try store.load(for: 2) }
    #expect(error?.kind == .malformed && error?.place == "states.0.count")
  }

  @Test(
    "a forged manifest is malformed",
    arguments: [
      (#""count":2"#, #""count":-2"#), (#""count":2"#, #""count":4611686018427387904"#),
      (#""count":2"#, #""other":2"#), (#""rows-2.saf"#, #""../rows-2.saf"#),
      (#""rows-2.saf"#, #""dir/rows-2.saf"#), (#""rows-2.saf"#, #""other-2.saf"#),
      (#""rows-2.saf"#, #""large-sums-2.saf"#), (#""rows-2.saf"#, #""rows-two.saf"#),
      (#""files":"#, #""other":"#), (#""states":["#, #""states":[{},"#),
      (#""states":"#, #""other":"#), (#""recipe":"#, #""other":"#), (#""format":2"#, #""other":2"#),
      (#""bytes":4"#, #""bytes":-4"#), (#""bytes":4"#, #""other":4"#),
      (#"{"format"#, #"["format"#),
    ])
  func forged(text: String, forgery: String) throws {
    defer { remove() }
    var (output, store) = try saved(state(1, 1))
    let table = try RunTable(creating: output.file("table.csv"), header: "a,b")
    try store.save(state(1, 2), marks: ["table.csv": table.mark], into: output)
    let document = try JSONValue(contentsOf: manifest).text()
    try document.write(toFile: manifest, atomically: true, encoding: .utf8)
    try changeManifest { $0.replacing(text, with: forgery) }
    let error = #expect(throws: FileError.self) {
      var found = try #require(try Store.open(path, recipe: Self.recipe))
      _ = try found.load(for: 9)
    }
    #expect(error?.kind == .malformed && error?.path == manifest, "\(String(describing: error))")
    #expect(error?.remedy.isEmpty == false)
  }

  @Test("a manifest without states, and one of a later version, are refused")
  func refused() throws {
    defer { remove() }
    _ = try saved(state(1, 1))
    let document = try #require(JSONValue(contentsOf: manifest).object)
    for (key, value, kind) in [
      ("states", JSONValue.array([]), FileError.Kind.malformed),
      ("format", .integer(3), .unsupported), ("format", .integer(0), .unsupported),
    ] {
      var forged = document
      forged[key] = value
      try JSONFile.write(.object(forged), to: manifest)
      let error = #expect(throws: FileError.self) { try Store.open(path, recipe: Self.recipe) }
      #expect(error?.kind == kind && error?.place == key)
      #expect(error?.remedy.contains("`overwrite`") == true)
      if kind == .unsupported {
        #expect(error?.reason.contains("version \(value.integer ?? -1)") == true)
      }
    }
  }

  // MARK: - Version 1

  @Test("a manifest of version 1 that is itself a state is read, and its files are written again")
  func version1() throws {
    defer { remove() }
    let (output, _) = try saved(state(3, 2))
    var document = try #require(JSONValue(contentsOf: manifest).object)
    let state = try #require(document["states"]?.array?.first?.object)
    document["states"] = nil
    document["format"] = .integer(1)
    for (key, value) in state.members { document[key] = value }
    try JSONFile.write(.object(document), to: manifest)
    var store = try opened()
    #expect(try store.load(for: 9).state == self.state(3, 2))
    let sums = try inode("large-sums-3.safetensors")
    try store.save(self.state(3, 3), into: output)
    #expect(try inode("large-sums-3.safetensors") != sums)
    let written = try JSONValue(contentsOf: manifest)
    #expect(written["format"] == .integer(2))
    #expect(written["states"]?.array?.last?.object == state, "the state before is kept as it was")
  }
}
