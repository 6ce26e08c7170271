import PEFTRuntime

extension FileError {
  /// The error if `directory`, which should hold a model, does not exist; nil if it does.
  ///
  /// For a name such as `bert-base-uncased`, the remedy is to download the model of that name.
  ///
  /// Errors: `storage` if the system cannot tell.
  package static func missingModel(_ directory: String) throws(FileError) -> FileError? {
    guard try DirectoryHandle.entry(directory) == nil else { return nil }
    let isHubName =
      directory.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9_.\-]*(\/[A-Za-z0-9_.\-]+)?/) != nil
    return FileError(
      .notFound, path: directory, reason: "there is no such directory",
      remedy: isHubName
        ? "models are read from disk; if this is a name on the Hugging Face Hub, download it with "
          + "`hf download \(directory)`, and name the directory that it prints"
        : "check the path")
  }
}
