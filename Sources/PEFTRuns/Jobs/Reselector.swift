import PEFTModels
import PEFTTensor

/// Chooses again what a run trains, at the steps that the run's method says.
public protocol Reselector: Sendable {
  /// Everything on which its choices depend besides the run's other settings and inputs. It is part
  /// of the run's recipe.
  var json: JSONValue { get }

  /// What trains after `step` steps of the run, whose model has the values of that time. It must be
  /// a function of these values, of what trains now, and of the run's recipe, and change nothing.
  func selection(in prepared: PreparedJob, after step: Int) throws -> RenewedSelection
}
