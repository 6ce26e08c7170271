import PEFTData
import PEFTModels
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTTensor

/// A problem of a study with its files, which are read once.
struct StudyProblem {
  /// The name of the problem.
  let name: String
  /// The job; its method, learning rate and seed are replaced.
  let job: TrainingJob
  /// The inputs of the job.
  let inputs: TrainingInputs
  /// The number of all parameters of the model.
  let parameters: Int
  /// The number of parameters of the head.
  let headParameters: Int
  /// Everything that distinguishes runs, other than method, seed and learning rate: settings and
  /// SHA-256 of their inputs.
  let recipe: JSONObject
  /// For each probe whose groups are trained by name, its groups without the head.
  private let groups: [String: [ParameterGroup]]
  private let tensors: [(name: String, layer: Int)]
  private let layerCount: Int

  /// Reads the files of a problem of `study`. The model is created only to check that its weights
  /// can be read.
  ///
  /// - Parameter files: the files of its model, if they are already open.
  init(_ problem: Study.Problem, of study: Study, files: ModelFiles?) throws {
    let inputs = try problem.job.inputs(of: files)
    let model = try problem.job.prepare(from: inputs).model
    try self.init(
      problem, inputs: inputs, model: model, groups: try study.groups(of: model))
  }

  /// A problem whose files are read and whose model exists.
  init(
    _ problem: Study.Problem, inputs: TrainingInputs, model: TransformerModel,
    groups: [String: [ParameterGroup]] = [:]
  ) throws(FileError) {
    name = problem.name
    job = problem.job
    self.inputs = inputs
    self.groups = groups
    parameters = model.parameterCount
    headParameters = model.taskParameters.reduce(0) { $0 + $1.count }
    recipe = try problem.job.recipe(of: inputs)
    tensors = model.parameters.map { ($0.parameter.name, $0.layer ?? -1) }
    layerCount = model.configuration.layerCount
  }

  /// The metric by which methods are compared.
  var metric: PrimaryMetric { inputs.task.primaryMetric }

  /// All tensors of the last `count` layers, as a method.
  func lastLayers(_ count: Int) -> SelectedTuning {
    SelectedTuning(
      members: tensors.filter { $0.layer >= max(0, layerCount - count) }.map { .tensor($0.name) })
  }

  /// Throws for a row with groups that do not exist, or with a method that does not fit the model.
  func check(_ rows: [StudyRow]) throws(InvalidSetting) {
    let model = inputs.unreadModel
    for row in rows {
      switch row.content {
      case .groups(let names, let probe): _ = try groups(names, probe: probe)
      case .fixed(let method):
        do throws(InvalidSetting) { try TrainingJob.checkFit(of: method, in: model) } catch {
          throw InvalidSetting("\(row.label) on \(name): \(error.description)")
        }
      case .lastLayers, .plan, .selection, .measured: break
      }
    }
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
  /// For each probe whose groups are trained by name, the groups of `model` without the head.
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
