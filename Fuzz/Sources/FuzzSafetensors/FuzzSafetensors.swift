import PEFTTensor

/// Any bytes either give a header whose tensors fill the file, or throw.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSafetensors(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  guard let header = try? SafetensorsHeader(parsing: bytes, path: "fuzz") else { return 0 }
  var end = 8 + Int(bytes.loadUnaligned(as: UInt64.self))
  for entry in header.entries {
    precondition(entry.shape.reduce(entry.type.bitCount, *) == 8 * entry.byteCount)
    end += entry.byteCount
  }
  precondition(end == count, "the tensors do not fill the file")
  return 0
}
