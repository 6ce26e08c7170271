import ArgumentParser
import PEFTStudy

extension ParameterBudget: ExpressibleByArgument {
  /// The budget that an option gives.
  public init?(argument: String) { self.init(argument) }
}
