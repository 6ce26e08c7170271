import Foundation
import PEFTTensor

/// A file of embeddings [N, h].
public enum EmbeddingFile: String, CaseIterable, Sendable {
  /// A JSON object for each text: `id`, `text` and `embedding`.
  case jsonLines = "jsonl"
  /// The array of NumPy's format 1.0, in Float32 and in the order of the texts.
  case numpy = "npy"
  /// One tensor, `embeddings`, in F32.
  case safetensors

  /// The name of the tensor in a safetensors file.
  public static let tensorName = "embeddings"

  /// The format that the extension of `path` says.
  ///
  /// Throws `unsupported` for any other extension.
  public init(extensionOf path: String) throws(FileError) {
    guard let format = Self(rawValue: URL(filePath: path).pathExtension.lowercased()) else {
      throw FileError(
        .unsupported, path: path, reason: "its extension does not say in which format to write",
        remedy: "name it " + Self.allCases.map { "*.\($0.rawValue)" }.joined(separator: ", "))
    }
    self = format
  }

  /// One text with its embedding as a line of JSON, without the line's end.
  public static func line(id: String, text: String, embedding: [Float]) -> String {
    let object: JSONObject = [
      "id": Int(id).flatMap { String($0) == id ? .integer($0) : nil } ?? .string(id),
      "text": .string(text),
      // The shortest digits that give the same Float32.
      "embedding": .array(embedding.map { .number(Double("\($0)") ?? Double($0)) }),
    ]
    return VisibleText.json(JSONValue.object(object).text())
  }

  /// Writes the rows of `embeddings` [N, h] to the file at `path`, replacing it.
  ///
  /// - Parameter texts: the N texts with their ids; needed for JSON lines.
  public func write(
    _ embeddings: Tensor, of texts: [(id: String, text: String)], to path: String
  ) throws(FileError) {
    switch self {
    case .jsonLines:
      let width = embeddings.shape.columns
      let elements = embeddings.elements
      var lines: [UInt8] = []
      for (index, item) in texts.enumerated() {
        let row = Array(elements[index * width..<(index + 1) * width])
        lines += Self.line(id: item.id, text: item.text, embedding: row).utf8
        lines.append(UInt8(ascii: "\n"))
      }
      try AtomicFile.write(lines, to: path)
    case .numpy:
      var bytes = Self.numpyHeader(embeddings.shape)
      embeddings.withUnsafeElements { bytes += UnsafeRawBufferPointer($0) }
      try AtomicFile.write(bytes, to: path)
    case .safetensors:
      try SafetensorsWriter.write(
        [
          SafetensorsOutput(name: Self.tensorName, shape: embeddings.shape.extents) {
            (body) throws(FileError) in try embeddings.withUnsafeElements(body)
          }
        ], to: path)
    }
  }

  /// The header of NumPy's format 1.0 for a matrix in Float32: the magic number, the version, the
  /// length of the rest, and a dictionary of Python, padded so that the data begin at a multiple of
  /// 64 bytes.
  private static func numpyHeader(_ shape: Shape) -> [UInt8] {
    let dictionary =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape.rows), \(shape.columns)), }"
    let magic: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    let unpadded = magic.count + 2 + dictionary.utf8.count + 1
    let padding = (64 - unpadded % 64) % 64
    let length = UInt16(dictionary.utf8.count + padding + 1)
    return magic + [UInt8(length & 0xFF), UInt8(length >> 8)] + dictionary.utf8
      + [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
  }
}
