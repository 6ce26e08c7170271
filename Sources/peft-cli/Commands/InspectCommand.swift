import ArgumentParser
import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor
import PEFTTrain

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows a model's parameters by group, and what a method would train.",
    discussion: """
      Example:
        peft inspect minilm --method bitfit
      """)

  @Argument(help: "Model directory.")
  var model: String

  @Option(help: "How the head reads the tokens: first or mean.")
  var pooling = Pooling.first

  @Option(help: "Outputs of the head. (default: as config.json says, or 2)")
  var labels: Int?

  @OptionGroup(title: "Groups") var grouping: GroupOptions
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if let labels, !(1...100_000).contains(labels) {
      throw ValidationError("--labels \(labels): give a positive number")
    }
  }

  func run() throws {
    common.apply()
    let names = try EncoderConfiguration(directory: model).labelNames
    let generator = SeededGenerator(seed: 0, purpose: "weights")
    let (classifier, report) = try SequenceClassifier.load(
      directory: model, pooling: pooling, outputCount: labels ?? names?.count ?? 2,
      using: generator)
    if !report.newlyInitialized.isEmpty {
      common.note("not in the checkpoint: " + report.newlyInitialized.joined(separator: ", "))
    }
    method.adaptation.attach(to: classifier, using: generator)
    let parameters = classifier.parameters
    let found = try ParameterGrouping(
      parameters, by: grouping.rule(), candidates: grouping.adapters()
    ).groups
    let trained = Self.trainedCounts(found, among: parameters)
    let trainable = classifier.trainableCount
    if common.json {
      Console.output(
        .object([
          "architecture": .string(classifier.configuration.architecture.rawValue),
          "parameters": .integer(classifier.parameterCount),
          "groups": .array(
            zip(found, trained).map { group, trained in
              .object([
                "name": .string(group.name), "tensors": .integer(group.members.count),
                "parameters": .integer(group.parameterCount), "trainable": .integer(trained),
              ])
            }),
          "method": .string(method.method), "trainable": .integer(trainable),
        ]))
      return
    }
    let total = Double(classifier.parameterCount)
    var table = TextTable(header: ["group", "tensors", "parameters", "share", "train"])
    for (group, trained) in zip(found, trained) {
      table.add([
        group.name, "\(group.members.count)", group.parameterCount.grouped,
        String(format: "%.3f %%", 100 * Double(group.parameterCount) / total), trained.grouped,
      ])
    }
    Console.output(
      "\(classifier.configuration.architecture.rawValue), "
        + "\(classifier.parameterCount.grouped) parameters")
    table.lines(width: .max).forEach { Console.output($0) }
    Console.output(
      "\(method.method) trains \(trainable.grouped) "
        + String(format: "(%.3f %%)", 100 * Double(trainable) / total))
  }

  /// How many elements of each group the attached method trains.
  private static func trainedCounts(
    _ groups: [ParameterGroup], among parameters: [ModelParameter]
  ) -> [Int] {
    let byName = Dictionary(
      uniqueKeysWithValues: parameters.map { ($0.parameter.name, $0.parameter) })
    return groups.map { group in
      group.members.reduce(0) { sum, member in
        switch member {
        case .tensor(let name):
          sum + (byName[name].map { $0.isTrainable ? $0.count : 0 } ?? 0)
        case .row(let name, _):
          sum + (byName[name].map { $0.isTrainable ? $0.shape.columns : 0 } ?? 0)
        case .lowRank: sum
        }
      }
    }
  }
}
