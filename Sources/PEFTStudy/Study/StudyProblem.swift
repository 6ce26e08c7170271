import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// A problem of a study with its files, which are read once.
struct StudyProblem {
  /// Its name.
  let name: String
  /// The job; what trains is replaced.
  let job: TrainingJob
  /// What the job reads.
  let inputs: TrainingInputs
  /// All parameters of the model.
  let parameters: Int
  /// Everything that distinguishes runs, except for method, seed and learning rate: settings and
  /// SHA-256 of their inputs.
  let recipe: JSONObject
  /// The groups by rule, without the head, of the probes whose groups are trained by name.
  private let groups: [String: [ParameterGroup]]
  private let tensors: [(name: String, layer: Int)]
  private let layerCount: Int

  /// Reads the files of a problem of `study`. The model is made to see that its weights can be
  /// read, and is not kept.
  ///
  /// - Parameter files: the files of its model, where they are open already.
  init(_ problem: Study.Problem, of study: Study, files: ModelFiles?) throws {
    let inputs = try problem.job.inputs(of: files)
    let model = try problem.job.prepare(from: inputs).model
    try self.init(
      problem, inputs: inputs, model: model, groups: try study.groups(of: model))
  }

  /// A problem whose files are read, and whose model was made.
  init(
    _ problem: Study.Problem, inputs: TrainingInputs, model: TransformerModel,
    groups: [String: [ParameterGroup]] = [:]
  ) throws(FileError) {
    name = problem.name
    job = problem.job
    self.inputs = inputs
    self.groups = groups
    parameters = model.parameterCount
    recipe = try problem.job.recipe(of: inputs)
    tensors = model.parameters.map { ($0.parameter.name, $0.layer ?? -1) }
    layerCount = model.configuration.layerCount
  }

  /// How methods are compared.
  var metric: PrimaryMetric { inputs.task.primaryMetric }

  /// Every tensor of the last `count` layers, as a method.
  func lastLayers(_ count: Int) -> SelectedTuning {
    SelectedTuning(
      members: tensors.filter { $0.layer >= max(0, layerCount - count) }.map { .tensor($0.name) })
  }

  /// Groups of a probe's rule, as a method.
  func groups(_ names: [String], probe: String) throws(InvalidSetting) -> SelectedTuning {
    let groups = groups[probe] ?? []
    for name in names where !groups.contains(where: { $0.name == name }) {
      throw InvalidSetting(
        "the probe \(probe) has no group \"\(name)\" on \(self.name); it has "
          + groups.prefix(20).map(\.name).joined(separator: ", ")
          + (groups.count > 20 ? ", …" : ""))
    }
    return SelectedTuning(
      members: groups.filter { names.contains($0.name) }.flatMap(\.members))
  }
}

extension Study {
  /// The groups of `model`, without the head, by the probes whose groups are trained by name.
  fileprivate func groups(of model: TransformerModel) throws -> [String: [ParameterGroup]] {
    var groups: [String: [ParameterGroup]] = [:]
    for method in methods {
      guard case .groups(_, let probe) = method.kind, let rule = probes[probe]?.rule else {
        continue
      }
      groups[probe] = try ParameterGrouping(model.parameters, by: rule).groups.filter {
        !$0.isFixed
      }
    }
    return groups
  }
}
