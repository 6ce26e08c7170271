/// The unchecked description of one tensor in the header of a safetensors file.
struct SafetensorsHeaderMember {
  let name: String
  let path: String
  /// The name of the element type.
  var type: String?
  var shape: [Int]?
  /// The offsets of the first byte and of the end, counted from the end of the header.
  var offsets: [Int]?

  init(name: String, path: String) {
    self.name = name
    self.path = path
  }

  /// The tensor's entry, after checking that its bytes lie between `dataStart` and `fileEnd` and
  /// that their number matches shape and type.
  func entry(dataStart: Int, fileEnd: Int) throws(FileError) -> SafetensorsEntry {
    guard let name = type else { throw noType }
    let type = try elementType(name)
    guard let shape else { throw noShape }
    guard let offsets, offsets.count == 2 else { throw noOffsets }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else { throw failure("its bytes end before they begin") }
    guard end <= fileEnd - dataStart else {
      throw failure(
        "it ends at byte \(end) of the tensors, of which the file has \(fileEnd - dataStart)",
        remedy: "the download may have been cut short: fetch it again")
    }
    guard let bits = type.bitCount(shape: shape) else {
      throw failure("the product of its shape \(shape) overflows")
    }
    guard bits % 8 == 0 else {
      throw failure("shape \(shape) of \(type.rawValue) does not end at a byte")
    }
    let expected = bits / 8
    guard end - begin == expected else {
      throw failure(
        "shape \(shape) of \(type.rawValue) needs \(expected) bytes and it has \(end - begin)")
    }
    return SafetensorsEntry(
      name: self.name, type: type, shape: shape, range: dataStart + begin..<dataStart + end)
  }

  private func elementType(_ text: String) throws(FileError) -> SafetensorsElementType {
    guard let type = SafetensorsElementType(rawValue: text) else {
      throw FileError(
        .unsupported, path: path, place: "tensor \"\(name)\"",
        reason: "its dtype \"\(text)\" is not known", remedy: "convert it to F32")
    }
    return type
  }

  var noType: FileError { failure("its dtype is not a string") }
  var noShape: FileError { failure("its shape is not a list of up to 64 natural numbers") }
  var noOffsets: FileError { failure("its data_offsets are not two natural numbers") }

  func failure(_ reason: String, remedy: String = "") -> FileError {
    FileError(.malformed, path: path, place: "tensor \"\(name)\"", reason: reason, remedy: remedy)
  }
}
