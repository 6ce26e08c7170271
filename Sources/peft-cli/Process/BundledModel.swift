import Foundation
import PEFTRuns
import PEFTTensor

/// The small pretrained models shipped with the command.
enum BundledModel {
  /// A RoBERTa with 2.6 million parameters.
  static let roberta = "roberta-small"
  /// A GPT-2 with 2.6 million parameters.
  static let gpt2 = "gpt2-small"

  /// Where the models may be, in the order of the search: beside the executable, where the package
  /// was built, and in the `share` of the prefix under which it was installed.
  ///
  /// They are found from the executable, wherever it is and whatever link started it.
  /// `Bundle.module` would look in the build directory of the machine that built it.
  private static var places: [String] {
    let executable = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let directory = URL(filePath: executable ?? CommandLine.arguments[0])
      .deletingLastPathComponent()
    return ["peft_peft-cli.resources/Models/", "../share/peft/models/"].map {
      directory.appending(path: $0).standardizedFileURL.path + "/"
    }
  }

  private static func place(of name: String) throws(FileError) -> String? {
    for place in places where try DirectoryHandle.entry(place + name) == .directory {
      return place + name
    }
    return nil
  }

  /// Copies the model `name` to a new or empty directory or, with `overwriting`, over an older
  /// copy.
  static func copy(
    _ name: String, to directory: String, overwriting: Bool
  ) throws(FileError) {
    guard let source = try place(of: name) else {
      throw FileError(
        .notFound, path: places[0] + name,
        reason: "the models that come with the command are missing",
        remedy: "install peft again, or copy its `share/peft` next to the directory of the command")
    }
    let staged = try StagedDirectory(
      replacing: directory, as: .model, overwriting: overwriting)
    for file in try DirectoryHandle(source).names().sorted() {
      try staged.write(FileContents.read(source + "/" + file), to: file)
    }
    try staged.commit()
  }
}
