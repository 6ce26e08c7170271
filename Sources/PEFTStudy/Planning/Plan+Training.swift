import Foundation
import PEFTRuns
import PEFTTensor

extension Plan {
  /// The model for which the plan was made.
  public var model: ModelIdentity { ModelIdentity(directory: modelDirectory, files: modelFiles) }
}

extension Plan {
  /// The influences from which the plan at `path` was made, which must be beside it.
  ///
  /// Errors: those of `Influence.read`, and `malformed` for other influences.
  public func influence(besidePlanAt path: String) throws(FileError) -> Influence {
    let directory = isDirectory(path) ? path : (path as NSString).deletingLastPathComponent
    let file = (directory.isEmpty ? "." : directory) + "/" + Influence.fileName
    let influence = try Influence.read(file)
    if let digest = files[Influence.fileName], try Fingerprint.file(file) != digest {
      throw FileError(
        .malformed, path: file, reason: "the plan was made from other influences",
        remedy: "select again, or restore the file")
    }
    return influence
  }
}

extension TrainingJob {
  /// Sets the job to train the selection of `plan`, on the model for which it was made and no
  /// other.
  public mutating func carryOut(_ plan: Plan) {
    method = plan.method
    plannedModel = plan.model
  }
}
