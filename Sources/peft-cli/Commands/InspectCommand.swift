import ArgumentParser
import Foundation
import PEFTModels
import PEFTSelect
import PEFTTensor

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows a model's parameters by group, and what a method would train.",
    discussion: """
      Example:
        peft inspect minilm --method bitfit
      """)

  enum Grouping: String, ExpressibleByArgument, CaseIterable {
    case kind
    case tensor
  }

  @Argument(help: "Model directory.")
  var model: String

  @Option(help: "One group for each kind, or for each tensor.")
  var groups = Grouping.kind

  @Option(help: "How the head reads the tokens: first or mean.")
  var pooling = Pooling.first

  @Option(help: "Outputs of the head. (default: as config.json says, or 2)")
  var labels: Int?

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if let labels, !(1...100_000).contains(labels) {
      throw ValidationError("--labels \(labels): give a positive number")
    }
  }

  private struct Group {
    let name: String
    var tensors = 0
    var parameters = 0
    var trainable = 0
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
    let found = collect(classifier)
    let trainable = found.reduce(0) { $0 + $1.trainable }
    if common.json {
      Console.output(
        .object([
          "architecture": .string(classifier.configuration.architecture.rawValue),
          "parameters": .integer(classifier.parameterCount),
          "groups": .array(
            found.map { group in
              .object([
                "name": .string(group.name), "tensors": .integer(group.tensors),
                "parameters": .integer(group.parameters), "trainable": .integer(group.trainable),
              ])
            }),
          "method": .string(method.method), "trainable": .integer(trainable),
        ]))
      return
    }
    let total = Double(classifier.parameterCount)
    var table = Table(header: ["group", "tensors", "parameters", "share", "train"])
    for group in found {
      table.add([
        group.name, "\(group.tensors)", group.parameters.grouped,
        String(format: "%.3f %%", 100 * Double(group.parameters) / total),
        group.trainable.grouped,
      ])
    }
    Console.output(
      "\(classifier.configuration.architecture.rawValue), "
        + "\(classifier.parameterCount.grouped) parameters")
    table.lines.forEach { Console.output($0) }
    Console.output(
      "\(method.method) trains \(trainable.grouped) "
        + String(format: "(%.3f %%)", 100 * Double(trainable) / total))
  }

  /// Every parameter in exactly one group.
  private func collect(_ classifier: SequenceClassifier) -> [Group] {
    func add(_ parameter: Parameter, to group: inout Group) {
      group.tensors += 1
      group.parameters += parameter.count
      if parameter.isTrainable { group.trainable += parameter.count }
    }
    let all = classifier.parameters
    switch groups {
    case .tensor:
      return all.map { parameter, _ in
        var group = Group(name: parameter.name)
        add(parameter, to: &group)
        return group
      }
    case .kind:
      return ParameterKind.allCases.compactMap { kind in
        var group = Group(name: kind.rawValue)
        for (parameter, itsKind) in all where itsKind == kind { add(parameter, to: &group) }
        return group.tensors > 0 ? group : nil
      }
    }
  }
}
