import ArgumentParser
import PEFTStudy

extension ParameterBudget: ExpressibleByArgument {
  /// The budget given by an option.
  public init?(argument: String) { self.init(argument) }
}
