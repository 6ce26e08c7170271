import PEFTReport
import PEFTRuns
import PEFTTensor

/// Checks that the files of a result are unchanged since the command wrote them.
public enum ResultCheck {
  /// Checks every document in `directory` that contains digests, and the files that the digests
  /// cover.
  ///
  /// Does the same in the directories that its marker lists.
  ///
  /// - Returns: what cannot be checked, as sentences for the user.
  /// - Throws: `malformed` for a file that was changed.
  public static func check(_ directory: String) throws(FileError) -> [String] {
    func has(_ name: String) throws(FileError) -> Bool {
      try DirectoryHandle.entry(directory + "/" + name) == .file
    }
    var notes: [String] = []
    if try has(RunManifest.fileName) {
      try RunManifest.read(directory).checkFiles(in: directory)
      let path = directory + "/" + RunManifest.fileName
      if try !SealedFile.read(path, named: RunManifest.fileName).isSealed {
        notes.append("\(path) is of an earlier version, which wrote no digest of it")
      }
    }
    if try has(Plan.fileName) { try Plan.read(directory).checkFiles(beside: directory) }
    if try has(Comparison.fileName) { try Comparison.checkFiles(in: directory) }
    if try has(ReportPage.fileName) {
      try PageFile.check(directory + "/" + ReportPage.fileName)
    }
    if let marker = try OutputMarker(directory: directory).read() {
      for name in marker.listing.directories.sorted()
      where try DirectoryHandle.entry(directory + "/" + name) == .directory {
        notes += try check(directory + "/" + name)
      }
    }
    return notes
  }
}
