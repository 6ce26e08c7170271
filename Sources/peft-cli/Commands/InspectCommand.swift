import ArgumentParser
import Foundation
import PEFTModels
import PEFTNetwork
import PEFTReport
import PEFTRuns
import PEFTSelect
import PEFTTensor

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows the parameters of a model by group, and what a method would train.",
    discussion: """
      Example:
        peft inspect minilm --method bitfit
      """)

  @Argument(help: "Model directory.", completion: .directory)
  var model: String

  /// The head of a classifier.
  struct Head: ParsableArguments {
    @OptionGroup var pooling: PoolingOptions

    @Option(
      help: """
        Outputs of the classification head; 0 for a language model. (default: as in config.json, \
        else 2; for causal models 0)
        """)
    var labels: Int?
  }

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Groups") var grouping: GroupOptions
  @OptionGroup(title: "Head") var head: Head
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if let labels = head.labels, !(0...100_000).contains(labels) {
      throw ValidationError("--labels \(labels): give a number from 0")
    }
  }

  func run() throws {
    common.apply()
    let files = ModelFiles(directory: model)
    let configuration = try ModelConfiguration(files: files)
    let count =
      head.labels ?? configuration.labelNames?.count ?? (configuration.isCausal ? 0 : 2)
    let generator = SeededGenerator(seed: 0, purpose: "weights")
    let (transformer, report) = try TransformerModel.load(
      files: files,
      output: count == 0
        ? .vocabulary
        : .classes(count, pooling: head.pooling.pooling ?? configuration.usualPooling),
      using: generator)
    if !report.newlyInitialized.isEmpty {
      common.note("not in the checkpoint: " + report.newlyInitialized.joined(separator: ", "))
    }
    let adaptation = try method.adaptation
    try TrainingJob.checkFit(of: adaptation, in: transformer)
    adaptation.attach(to: transformer, using: generator)
    let parameters = transformer.parameters
    let found = try ParameterGrouping(
      parameters, by: grouping.rule(), candidates: grouping.adapters()
    ).groups
    let trained = Self.trainedCounts(found, among: parameters)
    let trainable = transformer.trainableCount
    var tied = JSONObject()
    for (name, parameter) in transformer.tiedNames.sorted(by: { $0.key < $1.key }) {
      tied[name] = .string(parameter.name)
    }
    if common.json {
      Console.output(
        .object([
          "architecture": .string(configuration.architectureName),
          "parameters": .integer(transformer.parameterCount),
          "groups": .array(
            zip(found, trained).map { group, trained in
              var object: JSONObject = [
                "name": .string(group.name), "tensors": .integer(group.members.count),
                "parameters": .integer(group.parameterCount), "trainable": .integer(trained),
              ]
              let twice = tied.members.filter {
                group.members.contains(.tensor($0.value.string ?? ""))
              }
              if !twice.isEmpty { object["tied"] = .array(twice.map { .string($0.key) }) }
              return .object(object)
            }),
          "method": .string(adaptation.name), "trainable": .integer(trainable),
          "tied": .object(tied),
        ]))
      return
    }
    let total = Double(transformer.parameterCount)
    var table = TextTable(header: ["group", "tensors", "parameters", "share", "train"])
    for (group, trained) in zip(found, trained) {
      table.add([
        group.name, "\(group.members.count)", group.parameterCount.grouped,
        String(format: "%.3f %%", 100 * Double(group.parameterCount) / total), trained.grouped,
      ])
    }
    Console.output(
      "\(configuration.architectureName), "
        + "\(transformer.parameterCount.grouped) parameters")
    table.lines(width: .max).forEach { Console.output($0) }
    for (name, value) in tied.members {
      Console.output(
        "\(name) is tied to \(value.string ?? ""): it is counted, trained and selected once")
    }
    Console.output(
      "\(adaptation.name) trains \(trainable.grouped) "
        + String(format: "(%.3f %%)", 100 * Double(trainable) / total))
  }

  /// The number of elements of each group that the attached method trains.
  private static func trainedCounts(
    _ groups: [ParameterGroup], among parameters: [ModelParameter]
  ) -> [Int] {
    let byName = Dictionary(
      uniqueKeysWithValues: parameters.map { ($0.parameter.name, $0.parameter) })
    return groups.map { group in
      group.members.reduce(0) { sum, member in
        switch member {
        case .tensor(let name):
          sum + (byName[name]?.trainableCount ?? 0)
        case .row(let name, _):
          sum + (byName[name].map { $0.trains == .all ? $0.shape.columns : 0 } ?? 0)
        case .lowRank, .elements: sum
        }
      }
    }
  }
}
