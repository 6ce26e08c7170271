import PEFTRuns

extension Plan {
  /// The model for which the plan was made.
  public var model: ModelIdentity { ModelIdentity(directory: modelDirectory, files: modelFiles) }
}

extension TrainingJob {
  /// Sets the job to train the selection of `plan`, on the model for which it was made and no
  /// other.
  public mutating func carryOut(_ plan: Plan) {
    method = plan.method
    plannedModel = plan.model
  }
}
