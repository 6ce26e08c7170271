import PEFTRuns
import PEFTTensor

extension Plan {
  /// Writes `plan.json` and `frontier.csv` into `output`.
  public func write(
    _ frontier: [(parameters: Int, value: Double)], in output: OutputDirectory
  ) throws(FileError) {
    let path = try output.file(FrontierFile.fileName)
    try FrontierFile.write(frontier, of: modelParameters, to: path)
    var plan = self
    plan.files[FrontierFile.fileName] = try Fingerprint.file(path)
    try plan.write(to: output.file(Self.fileName))
  }

  /// Writes both files beside the influences from which the plan was made, replacing an older plan.
  ///
  /// If a directory of influences has no marker, no files with these names may exist.
  public func write(
    _ frontier: [(parameters: Int, value: Double)], besideInfluencesIn path: String
  ) throws(FileError) {
    let output = try OutputDirectory(path, as: .plan, besides: Self.hosts) { () throws(FileError) in
      []
    }
    try output.claim([Self.fileName, FrontierFile.fileName])
    try write(frontier, in: output)
  }

  /// Writes both files into another directory; a plan's own directory is replaced as a whole.
  public func write(
    _ frontier: [(parameters: Int, value: Double)], to path: String, overwriting: Bool
  ) throws(FileError) {
    let host = try OutputMarker(directory: path).read()?.kind
    guard let host, host != .plan else {
      let staged = try StagedDirectory(replacing: path, as: .plan, overwriting: overwriting)
      try write(frontier, in: staged.output)
      return try staged.commit()
    }
    let output = try OutputDirectory(path, as: .plan, besides: Self.hosts)
    if !overwriting, try output.has(Self.fileName) {
      throw FileError(
        .storage, path: path, reason: "there is a \(Self.fileName) in it already",
        remedy: "name another directory, or add `overwrite`")
    }
    try output.claim([Self.fileName, FrontierFile.fileName])
    try write(frontier, in: output)
  }

  /// The commands whose directories contain influences and may have a plan beside them.
  private static let hosts: Set<OutputDirectory.Kind> = [.probe, .adaptation, .validation]
}
