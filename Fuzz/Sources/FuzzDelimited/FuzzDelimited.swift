import PEFTData
import PEFTTensor

/// Any bytes either are a table or throw a `FileError`; the first byte chooses the format. The rows
/// of what is accepted have rising line numbers within the file and agree on having a label.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDelimited(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeBufferPointer(start: start, count: count)
  guard let choice = bytes.first else { return 0 }
  let format: DataFormat = choice & 1 == 0 ? .tsv : .csv
  let content = Array(bytes.dropFirst())
  guard let rows = try? DataReader.parse(content, path: "fuzz", format: format) else { return 0 }
  precondition(!rows.isEmpty, "a table without rows was accepted")
  let lineCount = content.count(where: { $0 == 0x0A || $0 == 0x0D }) + 1
  var line = 0
  for row in rows {
    precondition(row.line > line && row.line <= lineCount, "a line number is out of order")
    precondition((row.label == nil) == (rows[0].label == nil), "labelled and unlabelled rows")
    precondition(row.label?.isEmpty != true, "an empty label was accepted")
    line = row.line
  }
  return 0
}
