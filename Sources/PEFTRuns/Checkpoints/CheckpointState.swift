import PEFTTensor

/// A state of a job that a ``CheckpointStore`` saves and reads.
///
/// A state has one or more parts, each in its own safetensors file, and a few numbers that the
/// manifest stores.
public protocol CheckpointState: Sendable {
  /// The object that a state belongs to, such as a model. A state is checked against it when it is
  /// read.
  associatedtype Subject

  /// The name of the manifest, which must be unique to this kind of state within a directory.
  static var manifestName: String { get }
  /// The names of the parts that every state has: lowercase words joined by hyphens.
  static var partNames: [String] { get }

  /// One part for each of `partNames`.
  var parts: [CheckpointPart] { get }
  /// The numbers of the state in the manifest. The keys `files` and `tables` are reserved for the
  /// store.
  var numbers: JSONObject { get }
  /// The progress of the job, such as "step 12".
  var progress: String { get }

  /// Reads a state from files whose bytes are known to be unchanged.
  ///
  /// Throws `malformed` for a state of another subject, or one that no job could have written.
  init(from files: CheckpointFiles, for subject: Subject) throws(FileError)
}

/// A part of a state, stored in the file `NAME-KEY.safetensors`.
public struct CheckpointPart {
  let file: String
  let tensors: [SafetensorsOutput]
  let metadata: [String: String]

  /// Creates a part.
  ///
  /// - Parameters:
  ///   - name: one of the state's `partNames`.
  ///   - key: a count, optionally followed by a hyphen and a word. In a run, parts with equal names
  ///     and keys have equal contents, so a part that is already saved is not written again.
  ///   - tensors: the tensors, whose bytes are requested when the file is written.
  ///   - metadata: the metadata of the file.
  public init(
    _ name: String, key: String, tensors: [SafetensorsOutput], metadata: [String: String] = [:]
  ) {
    file = "\(name)-\(key).safetensors"
    precondition(Self.name(of: file) == name, "CheckpointPart: \(file) is not a name of a part")
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The name of the part stored in a file; nil if `file` is not the name of a part's file.
  static func name(of file: String) -> String? {
    file.wholeMatch(of: /([a-z]+(?:-[a-z]+)*)-[0-9]+(?:-[a-z]+)?\.safetensors/)
      .map { String($0.1) }
  }

  /// Tensors by name, written as `PREFIX.NAME` and sorted by name.
  package static func outputs(
    _ prefix: String, _ tensors: [String: Tensor]
  ) -> [SafetensorsOutput] {
    tensors.sorted { $0.key < $1.key }.map { name, tensor in
      SafetensorsOutput(name: "\(prefix).\(name)", shape: tensor.shape.extents) {
        (body) throws(FileError) in try tensor.withUnsafeElements(body)
      }
    }
  }
}
