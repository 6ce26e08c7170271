import PEFTTensor

/// Any bytes either parse or throw; what parses has a text that parses to the same document.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeBufferPointer(start: start, count: count)
  guard let document = try? JSONValue(parsing: bytes) else { return 0 }
  for pretty in [false, true] {
    guard let again = try? JSONValue(parsing: document.text(pretty: pretty).utf8) else {
      fatalError("the text of a document does not parse")
    }
    precondition(again == document, "the text of a document parses to another one")
  }
  return 0
}
