import PEFTRuns
import PEFTTensor

extension OutputDirectory {
  /// The directory of a probe.
  ///
  /// A directory from an earlier version, which wrote no marker, is recognised by the state in it.
  public static func probe(
    _ path: String, overwriting: Bool, resuming: Bool
  ) throws(FileError) -> OutputDirectory {
    let output = try OutputDirectory(path, as: .probe) { () throws(FileError) in
      guard resuming,
        let states = try CheckpointStore<ProbeCheckpoint>.fileNames(in: path)
      else { return nil }
      // A probe that a signal ended has the results up to then.
      let findings = (try? Influence.read(path)).map { _ in [Influence.fileName] }
      return states + [EnvironmentReport.fileName] + (findings ?? [])
    }
    if !resuming { try output.begin(overwriting: overwriting) }
    try output.claim([Influence.fileName, EnvironmentReport.fileName])
    return output
  }

  /// The directory of the main job. With `reusingProbe`, it may be the directory of a probe, which
  /// is kept.
  public static func adaptation(
    _ path: String, overwriting: Bool, resuming: Bool, reusingProbe: Bool
  ) throws(FileError) -> OutputDirectory {
    let probe = [Influence.fileName, EnvironmentReport.fileName]
    let output = try OutputDirectory(
      path, as: .adaptation, besides: reusingProbe ? [.probe] : []
    ) { () throws(FileError) in
      // Influences of an earlier version, which wrote no marker.
      guard reusingProbe, (try? Influence.read(path)) != nil else { return nil }
      return probe
    }
    if !resuming {
      let state = output.files(where: CheckpointStore<ProbeCheckpoint>.isOwn)
      try output.begin(
        overwriting: overwriting, keeping: reusingProbe ? Set(probe + state) : [])
    }
    try output.become(.adaptation)
    try output.claim(
      probe + [Plan.fileName, FrontierFile.fileName, Comparison.fileName, Comparison.tableName]
        + RunDirectory.ownFiles)
    return output
  }

  /// The directory of a comparison of methods.
  public static func comparison(
    _ path: String, overwriting: Bool, resuming: Bool
  ) throws(FileError) -> OutputDirectory {
    let output = try OutputDirectory(path, as: .comparison)
    if !resuming { try output.begin(overwriting: overwriting) }
    try output.claim([
      EnvironmentReport.fileName, Comparison.fileName, Comparison.tableName, ReportPage.fileName,
    ])
    return output
  }

  /// The directory of a validation.
  public static func validation(
    _ path: String, overwriting: Bool
  ) throws(FileError) -> OutputDirectory {
    let output = try OutputDirectory(path, as: .validation)
    try output.begin(overwriting: overwriting)
    try output.claim([Influence.fileName, Validation.fileName])
    return output
  }

  /// The directory of a suite, in which several processes may work.
  public static func suite(
    _ path: String, overwriting: Bool, resuming: Bool
  ) throws(FileError) -> OutputDirectory {
    // Only one process at a time may replace a suite.
    if overwriting { try OutputDirectory(path, as: .suite).begin(overwriting: true) }
    let output = try OutputDirectory(path, as: .suite, isShared: true)
    if !resuming, !overwriting, let name = try output.listed() {
      throw FileError(
        .storage, path: path, reason: "there is a suite in it already (\(name))",
        remedy: "resume it with `resume`, replace it with `overwrite`, or name another directory")
    }
    return output
  }

  /// The directory of a search for settings, as it is; see `beginSearch`.
  public static func search(_ path: String) throws(FileError) -> OutputDirectory {
    try OutputDirectory(path, as: .search)
  }

  /// Begins or resumes a search, once its data have been read: with `overwriting`, what is there is
  /// removed.
  public func beginSearch(overwriting: Bool, resuming: Bool) throws(FileError) {
    if !resuming { try begin(overwriting: overwriting) }
    try claim([
      EnvironmentReport.fileName, SearchResults.fileName, SearchResults.tableName,
    ])
  }
}
