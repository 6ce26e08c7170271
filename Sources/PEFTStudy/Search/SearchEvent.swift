import PEFTTrain

/// What a search reports while it runs.
public enum SearchEvent {
  /// A message for the user.
  case note(String)
  /// A trial begins, or continues after earlier rungs, and trains until this step.
  case begins(SearchTrial, until: Int)
  /// A trial looks for its learning rate.
  case searching(RateSearchEvent)
  /// A trial has made progress.
  case training(TrainingEvent)
  /// A trial has been judged.
  case judged(SearchTrial)
  /// Some of the runs, one for each trial and rung, are done, made now or found.
  case progress(done: Int, of: Int)
}
