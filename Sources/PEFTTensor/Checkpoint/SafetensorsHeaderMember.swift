/// The description of one tensor in the header of a safetensors file, not yet checked.
struct SafetensorsHeaderMember {
  let name: String
  let value: JSONValue
  let path: String

  /// The tensor, its bytes checked to lie between `dataStart` and `fileEnd` and to be as many as its
  /// shape and type ask for.
  func entry(dataStart: Int, fileEnd: Int) throws(FileError) -> SafetensorsEntry {
    guard let fields = value.object else { throw failure("its description is not a JSON object") }
    for key in fields.keys where !["dtype", "shape", "data_offsets"].contains(key) {
      throw failure("its description has the unknown field \"\(key)\"")
    }
    let type = try elementType(fields["dtype"])
    guard let shape = naturalNumbers(fields["shape"]) else {
      throw failure("its shape is not a list of natural numbers")
    }
    guard let offsets = naturalNumbers(fields["data_offsets"]), offsets.count == 2 else {
      throw failure("its data_offsets are not two natural numbers")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else { throw failure("its bytes end before they begin") }
    guard end <= fileEnd - dataStart else {
      throw failure(
        "it ends at byte \(end) of the tensors, of which the file has \(fileEnd - dataStart)",
        remedy: "the download may have been cut short: fetch it again")
    }
    guard let expected = type.byteCount(shape: shape) else {
      throw failure("the product of its shape \(shape) overflows")
    }
    guard end - begin == expected else {
      throw failure(
        "shape \(shape) of \(type.rawValue) needs \(expected) bytes and it has \(end - begin)")
    }
    return SafetensorsEntry(
      name: name, type: type, shape: shape, range: dataStart + begin..<dataStart + end)
  }

  private func elementType(_ value: JSONValue?) throws(FileError) -> SafetensorsElementType {
    guard let text = value?.string else { throw failure("its dtype is not a string") }
    guard let type = SafetensorsElementType(rawValue: text) else {
      throw FileError(
        .unsupported, path: path, place: "tensor \"\(name)\"",
        reason: "its dtype \"\(text)\" is not known", remedy: "convert it to F32")
    }
    return type
  }

  private func naturalNumbers(_ value: JSONValue?) -> [Int]? {
    guard let elements = value?.array else { return nil }
    let numbers = elements.compactMap(\.integer)
    return numbers.count == elements.count && numbers.allSatisfy { $0 >= 0 } ? numbers : nil
  }

  private func failure(_ reason: String, remedy: String = "") -> FileError {
    FileError(.malformed, path: path, place: "tensor \"\(name)\"", reason: reason, remedy: remedy)
  }
}
