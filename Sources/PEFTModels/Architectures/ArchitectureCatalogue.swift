import PEFTRuntime

/// The available model families, by their names in files.
public struct ArchitectureCatalogue: Sendable {
  /// The families.
  public let families: [any Architecture.Type]

  /// Creates a catalogue of these families.
  public init(_ families: [any Architecture.Type]) { self.families = families }

  /// The families of this package. To add one, add a folder and an entry here.
  public static let standard = ArchitectureCatalogue([
    EncoderConfiguration.self, ModernBERTConfiguration.self, GPT2Configuration.self,
    LlamaConfiguration.self,
  ])

  /// All known values of `model_type`.
  public var modelTypes: [String] { families.flatMap { $0.modelTypes } }

  /// The model that `file` describes.
  ///
  /// Errors: `unsupported` for another family, with its nearest relative; and those of the family's
  /// own initialiser.
  func architecture(_ file: ConfigurationReader) throws(FileError) -> any Architecture {
    let modelType = try file.string("model_type")
    guard let family = families.first(where: { $0.modelTypes.contains(modelType) }) else {
      let known = modelTypes
      let list = known.dropLast().joined(separator: ", ")
      let nearest = families.lazy.compactMap { $0.relatives[modelType] }.first
      throw FileError(
        .unsupported, path: file.path, place: "model_type",
        reason: "the architecture \"\(modelType)\" is not supported",
        remedy: "use a model of type " + (list.isEmpty ? "" : list + " or ") + (known.last ?? "")
          + (nearest.map { "; the nearest to \(modelType) is \($0)" } ?? ""))
    }
    return try family.init(file)
  }
}
