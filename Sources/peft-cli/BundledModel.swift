import Foundation
import PEFTTensor

/// The small pretrained models that come with the command.
enum BundledModel {
  /// A RoBERTa of 2.6 million parameters.
  static let roberta = "roberta-small"
  /// A GPT-2 of 2.6 million parameters.
  static let gpt2 = "gpt2-small"

  /// Copies the model `name` to a directory of its own, replacing its files there.
  static func copy(_ name: String, to directory: String) throws(FileError) {
    // Bundle.module would end the process where the directory is missing.
    let source = Bundle.main.bundleURL.appending(path: "peft_peft-cli.resources/Models/" + name)
      .path
    let manager = FileManager.default
    guard let files = try? manager.contentsOfDirectory(atPath: source) else {
      throw FileError(
        .notFound, path: source, reason: "the models that come with the command are not there",
        remedy: "run the command where it was built, with its resources beside it")
    }
    do {
      try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
      for file in files {
        let target = directory + "/" + file
        if manager.fileExists(atPath: target) { try manager.removeItem(atPath: target) }
        try manager.copyItem(atPath: source + "/" + file, toPath: target)
      }
    } catch {
      throw FileError(
        .storage, path: directory,
        reason: "the model cannot be copied: \(error.localizedDescription)",
        remedy: "check the path, the permissions and the space on the disk")
    }
  }
}
