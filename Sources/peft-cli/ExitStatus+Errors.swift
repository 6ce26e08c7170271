import ArgumentParser
import Foundation
import PEFTNetwork
import PEFTRuns
import PEFTSelect
import PEFTStudy
import PEFTTensor
import PEFTTrain

extension ExitStatus {
  /// The exit status for an error. This is the only table from kinds of error to exit codes.
  static func status(of error: any Error) -> ExitStatus {
    switch error {
    case let error as FileError: error.kind == .storage ? .noSpace : .badFile
    case is KnapsackError: .badFile
    case is NonFiniteLoss, is FailedSelfTest, is PlanFault, is UnfinishedFrontier,
      is RunExport.Mismatch:
      .numericalFailure
    case is Interrupted, is InterruptedEarly, is LostProcess: .interrupted
    case is InsufficientMemory: .noSpace
    default: .usage
    }
  }

  /// Prints the error on standard error, or the requested help.
  static func report(_ error: any Error) -> ExitStatus {
    let status = status(of: error)
    guard status == .usage,
      !(error is InvalidSetting || error is GroupingError || error is SelectionError)
    else {
      Console.error("peft: " + SettingNames.asOptions("\(error)"))
      return status
    }
    if PEFTCommand.exitCode(for: error) == .success {
      Console.output(message(for: error))
      return .done
    }
    Console.error(SettingNames.asOptions(message(for: error)))
    return .usage
  }

  /// The parser's message for `error`, for the width of the terminal.
  private static func message(for error: any Error) -> String {
    HelpText.message(width: Console.columns) { PEFTCommand.fullMessage(for: error, columns: $0) }
  }
}
