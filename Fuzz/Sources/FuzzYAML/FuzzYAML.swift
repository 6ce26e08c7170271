import PEFTStudy
import PEFTTensor

/// Any bytes either are a map of names to values or throw a `FileError`; the names of what is
/// accepted are unique and its lines within the file.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzYAML(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let content = Array(UnsafeBufferPointer(start: start, count: count))
  guard let map = try? YAMLMap(parsing: content, path: "fuzz", example: "rank: 8") else { return 0 }
  let names = map.entries.map(\.name)
  precondition(Set(names).count == names.count, "a name was accepted twice")
  precondition(names.allSatisfy { !$0.isEmpty }, "an empty name was accepted")
  precondition(
    map.entries.allSatisfy { (1...count).contains($0.line) }, "a line outside of the file")
  return 0
}
