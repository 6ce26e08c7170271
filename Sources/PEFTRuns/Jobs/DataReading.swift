import PEFTData
import PEFTTensor

/// How a run read its data. Data to evaluate or predict are read in the same way.
public struct DataReading: Hashable, Sendable {
  /// The format of the files, if it was said.
  public var format: DataFormat?
  /// The columns, if they were said.
  public var columns: ColumnSelection?
  /// Whether the texts were pairs; nil if this is not recorded.
  public var hasPairs: Bool?

  /// A reading by the extension of the file and the names of its columns.
  public init(
    format: DataFormat? = nil, columns: ColumnSelection? = nil, hasPairs: Bool? = nil
  ) {
    self.format = format
    self.columns = columns
    self.hasPairs = hasPairs
  }

  /// The reading recorded in a manifest.
  init(_ manifest: RunManifest) {
    format = manifest.recipe?["format"]?.string.flatMap(DataFormat.init(rawValue:))
    // A recipe of version 1 has the syntax of the option.
    columns = manifest.recipe?["columns"].flatMap { value in
      value.string.map { try? ColumnSelection.parse($0) } ?? ColumnSelection(json: value)
    }
    hasPairs = manifest.hasPairs
  }
}
