import Foundation
import PEFTRuns
import PEFTTensor

/// The results below a directory: runs, adaptations, comparisons, suites and searches.
///
/// A directory is a result if a command left its marker in it. The runs inside a result, such as
/// those of the methods that it compares, are its parts, and not results of their own.
public struct ResultListing: Sendable {
  /// The results, by path.
  public private(set) var results: [ListedResult] = []
  /// Sentences about directories that cannot be read.
  public private(set) var problems: [String] = []

  /// The results in `directory` and below it. Links are not followed, and hidden directories are
  /// left out. A result that cannot be read is listed as `unreadable`.
  ///
  /// Throws `FileError` if `directory` itself cannot be read.
  ///
  /// - Parameter includingParts: whether the runs inside results are listed too.
  public init(below directory: String, includingParts: Bool = false) throws(FileError) {
    _ = try DirectoryHandle(directory).names()
    visit(directory, named: "", includingParts: includingParts)
    results.sort { $0.name < $1.name }
  }

  private mutating func visit(_ path: String, named name: String, includingParts: Bool) {
    do throws(FileError) {
      var parts: Set<String> = []
      if let marker = try OutputMarker(directory: path).read() {
        if ![.model, .data, .export].contains(marker.kind) {
          results.append(
            try ListedResult(marker.kind, at: path, named: name.isEmpty ? "." : name))
        }
        if !includingParts { parts = marker.listing.directories }
      }
      for entry in try DirectoryHandle(path).names()
      where !entry.hasPrefix(".") && !parts.contains(entry) {
        let below = path + "/" + entry
        guard try DirectoryHandle.entry(below) == .directory else { continue }
        visit(
          below, named: name.isEmpty ? entry : name + "/" + entry, includingParts: includingParts)
      }
    } catch {
      problems.append(error.description)
    }
  }
}
