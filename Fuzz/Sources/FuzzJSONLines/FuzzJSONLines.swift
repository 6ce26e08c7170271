import PEFTData
import PEFTTensor

/// Any bytes either are JSON lines or throw a `FileError`. The rows of what is accepted have rising
/// line numbers within the file and agree on having a label.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONLines(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let content = Array(UnsafeBufferPointer(start: start, count: count))
  guard let rows = try? DataReader.parse(content, path: "fuzz", format: .jsonl) else { return 0 }
  precondition(!rows.isEmpty, "a file without rows was accepted")
  let lineCount = content.count(where: { $0 == 0x0A }) + 1
  var line = 0
  for row in rows {
    precondition(row.line > line && row.line <= lineCount, "a line number is out of order")
    precondition((row.label == nil) == (rows[0].label == nil), "labelled and unlabelled rows")
    precondition(row.label?.isEmpty != true, "an empty label was accepted")
    line = row.line
  }
  return 0
}
