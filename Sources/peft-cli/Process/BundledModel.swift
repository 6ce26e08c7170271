import Foundation
import PEFTRuns
import PEFTTensor

/// The small pretrained models shipped with the command.
enum BundledModel {
  /// A RoBERTa with 2.6 million parameters.
  static let roberta = "roberta-small"
  /// A GPT-2 with 2.6 million parameters.
  static let gpt2 = "gpt2-small"

  /// Copies the model `name` to a new or empty directory or, with `overwriting`, over an older
  /// copy.
  static func copy(
    _ name: String, to directory: String, overwriting: Bool
  ) throws(FileError) {
    // Bundle.module would end the process if the directory is missing.
    let source = Bundle.main.bundleURL.appending(path: "peft_peft-cli.resources/Models/" + name)
      .path
    guard try DirectoryHandle.entry(source) == .directory else {
      throw FileError(
        .notFound, path: source, reason: "the models that come with the command are missing",
        remedy: "run the command where it was built, or copy its resources next to it")
    }
    let staged = try StagedDirectory(
      replacing: directory, as: .model, overwriting: overwriting)
    for file in try DirectoryHandle(source).names().sorted() {
      try staged.write(FileContents.read(source + "/" + file), to: file)
    }
    try staged.commit()
  }
}
