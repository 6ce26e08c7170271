import Glibc

/// The tensors of a checkpoint, stored in one safetensors file or in several with an index.
public struct SafetensorsCollection: Sendable {
  /// The files, in the order in which the index first names them.
  public let readers: [SafetensorsReader]
  private let indices: [UTF8Key: Int]

  /// Opens the safetensors file at `path`.
  ///
  /// Errors: those of `SafetensorsReader.init`.
  public init(file path: String) throws(FileError) {
    let reader = try SafetensorsReader(path: path)
    readers = [reader]
    indices = Dictionary(uniqueKeysWithValues: reader.tensorNames.map { (UTF8Key($0), 0) })
  }

  /// Opens `<stem>.safetensors` in `directory` or, if that is missing, the files listed in
  /// `<stem>.safetensors.index.json`.
  ///
  /// Errors: `notFound` if neither exists; `unsupported` if there is only a PyTorch checkpoint,
  /// with the command that converts it; `malformed` if a tensor occurs in two files; the errors of
  /// `SafetensorsReader.init`.
  ///
  /// As in transformers, the index only says which files there are. Their own headers say which
  /// tensors they hold.
  public init(directory: String, stem: String = "model") throws(FileError) {
    let path = "\(directory)/\(stem).safetensors"
    let indexPath = path + ".index.json"
    if access(path, F_OK) == 0 {
      try self.init(file: path)
    } else if access(indexPath, F_OK) == 0 {
      try self.init(index: try SafetensorsIndex(path: indexPath), in: directory)
    } else {
      throw Self.missingCheckpoint(path, in: directory)
    }
  }

  private init(index: SafetensorsIndex, in directory: String) throws(FileError) {
    var readers: [SafetensorsReader] = []
    var indices: [UTF8Key: Int] = [:]
    for (number, shard) in index.shardNames.enumerated() {
      let reader = try SafetensorsReader(path: "\(directory)/\(shard)")
      readers.append(reader)
      for name in reader.tensorNames {
        if let earlier = indices.updateValue(number, forKey: UTF8Key(name)) {
          throw FileError(
            .malformed, path: reader.path, place: "tensor \"\(name)\"",
            reason: "it also stands in \(index.shardNames[earlier])",
            remedy: "download the checkpoint again")
        }
      }
    }
    self.readers = readers
    self.indices = indices
  }

  private static func missingCheckpoint(_ path: String, in directory: String) -> FileError {
    let pickled = ["pytorch_model.bin", "adapter_model.bin", "model.pt", "model.pth"]
    for name in pickled where access("\(directory)/\(name)", F_OK) == 0 {
      return .pickledCheckpoint("\(directory)/\(name)")
    }
    if access("\(directory)/pytorch_model.bin.index.json", F_OK) == 0 {
      return .pickledCheckpoint("\(directory)/pytorch_model.bin")
    }
    return FileError(
      .notFound, path: path, reason: "no such file, and no index of several files beside it",
      remedy: "name a directory with a checkpoint in safetensors format")
  }

  /// The names of all tensors, file by file, in the order of their bytes.
  public var tensorNames: [String] { readers.flatMap(\.tensorNames) }

  /// The type and shape of the tensor `name`; nil if there is no tensor of this name.
  public func entry(_ name: String) -> SafetensorsEntry? {
    indices[UTF8Key(name)].flatMap { readers[$0].entry(name) }
  }

  /// The file that holds the tensor `name`. If no file holds it, the first file, whose methods
  /// report the missing tensor.
  private func reader(of name: String) -> SafetensorsReader {
    readers[indices[UTF8Key(name)] ?? 0]
  }

  /// The path of the file that holds the tensor `name`; of the first file, if none holds it.
  package func path(of name: String) -> String { reader(of: name).path }

  /// Calls `body` with the bytes of the tensor `name`; see `SafetensorsReader.withBytes`.
  public func withBytes<Result>(
    of name: String, _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    try reader(of: name).withBytes(of: name, body)
  }

  /// The elements of the tensor `name`; see `SafetensorsReader.floats`.
  public func floats(of name: String) throws(FileError) -> [Float] {
    try reader(of: name).floats(of: name)
  }

  /// Writes the elements of the tensor `name` to `destination`; see `SafetensorsReader.readFloats`.
  public func readFloats(
    of name: String, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(FileError) {
    try reader(of: name).readFloats(of: name, into: destination)
  }

  /// The matrix `name`; see `SafetensorsReader.bfloatMatrix`.
  package func bfloatMatrix(of name: String) throws(FileError) -> BFloatMatrix {
    try reader(of: name).bfloatMatrix(of: name)
  }

  /// The elements of the tensor `name`; see `SafetensorsReader.integers`.
  public func integers(of name: String) throws(FileError) -> [Int64] {
    try reader(of: name).integers(of: name)
  }
}
