import PEFTTensor

/// A state of a job that a ``CheckpointStore`` saves and reads.
///
/// A state has one or more parts, each in a safetensors file of its own, and a few numbers that the
/// manifest holds.
public protocol CheckpointState: Sendable {
  /// What a state belongs to and is checked against when it is read, such as a model.
  associatedtype Subject

  /// The name of the manifest, which no other kind of state in the same directory has.
  static var manifestName: String { get }
  /// The names of the parts that every state has: lowercase words joined by hyphens.
  static var partNames: [String] { get }

  /// One part for each of `partNames`.
  var parts: [CheckpointPart] { get }
  /// What the manifest says of the state. The keys `files` and `tables` are the store's.
  var numbers: JSONObject { get }
  /// How far the job has come, such as "step 12".
  var progress: String { get }

  /// Reads a state from files that have the bytes that were written.
  ///
  /// Throws `malformed` for a state of another subject, or one that no job writes.
  init(from files: CheckpointFiles, for subject: Subject) throws(FileError)
}

/// A part of a state, which is the file `NAME-KEY.safetensors`.
public struct CheckpointPart {
  let file: String
  let tensors: [SafetensorsOutput]
  let metadata: [String: String]

  /// A part.
  ///
  /// - Parameters:
  ///   - name: one of the `partNames` of the state.
  ///   - key: a count, which a hyphen and a word may follow. In a run, parts of equal names and
  ///     keys have equal contents, so a part that is saved already is not written again.
  ///   - tensors: the tensors, whose bytes are asked for when the file is written.
  ///   - metadata: the metadata of the file.
  public init(
    _ name: String, key: String, tensors: [SafetensorsOutput], metadata: [String: String] = [:]
  ) {
    file = "\(name)-\(key).safetensors"
    precondition(Self.name(of: file) == name, "CheckpointPart: \(file) is not a name of a part")
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The name of the part that a file has; nil where this is not the name of a part's file.
  static func name(of file: String) -> String? {
    file.wholeMatch(of: /([a-z]+(?:-[a-z]+)*)-[0-9]+(?:-[a-z]+)?\.safetensors/)
      .map { String($0.1) }
  }

  /// Tensors by name, written as `PREFIX.NAME` in the order of the names.
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
