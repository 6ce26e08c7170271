import PEFTRuns

extension Plan {
  /// The model that it was made for.
  public var model: ModelIdentity { ModelIdentity(directory: modelDirectory, files: modelFiles) }
}

extension TrainingJob {
  /// Sets the job to train what `plan` chose, on the model it was made for and no other.
  public mutating func carryOut(_ plan: Plan) {
    method = plan.method
    plannedModel = plan.model
  }
}
