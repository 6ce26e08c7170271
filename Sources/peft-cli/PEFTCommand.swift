import ArgumentParser
import Foundation
import PEFTRuns
import PEFTTensor

/// The `peft` command.
struct PEFTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peft",
    abstract:
      "Fine-tunes BERT, RoBERTa and related encoders, GPT-2, Llama and Qwen on CPUs, training "
      + "only a few of their parameters.",
    discussion: """
      `peft adapt` does the whole job: it chooses what to train within a budget, trains it, compares \
      it with other methods, and writes a report. `peft quickstart` shows this on data that every \
      Debian machine has.

      Examples:
        peft quickstart
        peft adapt --model minilm --train train.tsv --budget 0.5% --output run
        peft predict run --text "the pump leaks oil"
        peft train --model minilm --train train.tsv --method lora --output lora
      """,
    version: packageVersion,
    groupedSubcommands: [
      CommandGroup(
        name: "Essential",
        subcommands: [
          QuickstartCommand.self, AdaptCommand.self, TrainCommand.self, EvaluateCommand.self,
          PredictCommand.self, EmbedCommand.self, GenerateCommand.self, ReportCommand.self,
          ListCommand.self, DoctorCommand.self,
        ]),
      CommandGroup(
        name: "Choosing and comparing",
        subcommands: [
          ProbeCommand.self, SelectCommand.self, TuneCommand.self, CompareCommand.self,
          SuiteCommand.self, ValidateCommand.self, SubmitCommand.self,
        ]),
      CommandGroup(
        name: "Results",
        subcommands: [ExportCommand.self, ApplyCommand.self, VerifyCommand.self]),
      CommandGroup(
        name: "Model and text",
        subcommands: [
          InspectCommand.self, TokenizeCommand.self, ModelsCommand.self, PretrainCommand.self,
        ]),
      CommandGroup(name: "Other", subcommands: [KnapsackCommand.self, ConfigCommand.self]),
    ])
}

@main
enum Entry {
  static func main() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    OutOfMemory.endProcess { need in
      Console.error("peft: " + Shortage.message(need))
      _exit(ExitStatus.noSpace.rawValue)
    }
    CommandStack.run {
      let status = run(Array(CommandLine.arguments.dropFirst()))
      Ranks.finish((status == .done ? outputStatus : status).rawValue)
    }
  }

  /// Tells whether the output was written without error.
  private static var outputStatus: ExitStatus {
    do throws(FileError) {
      try Console.checkOutput()
      return .done
    } catch {
      return ExitStatus.report(error)
    }
  }

  /// Runs one command line and returns its exit status.
  private static func run(_ arguments: [String]) -> ExitStatus {
    let (arguments, asksForAll) = HelpText.request(in: arguments)
    return HelpText.$showsAll.withValue(asksForAll) { answered(arguments) }
  }

  /// Runs one command line, in which `--help` is the request for help.
  private static func answered(_ arguments: [String]) -> ExitStatus {
    CommandInterface.$root.withValue(PEFTCommand.self) {
      do {
        if let problem = VectorKernels.environmentProblem { throw InvalidSetting(problem) }
        let merged = try CommandInterface.checked(
          ConfigurationFile.merge(SuiteCommand.renamed(arguments)))
        var command = try parsed(merged)
        try Ranks.join(for: command)
        try EnvironmentReport.$command.withValue(ShellLine.text(of: arguments)) {
          try command.run()
        }
        return .done
      } catch {
        Ranks.letFirstSpeak(before: error)
        return ExitStatus.report(error)
      }
    }
  }

  /// The command on a command line.
  ///
  /// Throws the parser's error, but `Misspelling` if a command or an option does not exist, because
  /// the parser would first miss the option that was misspelled.
  private static func parsed(_ arguments: [String]) throws -> any ParsableCommand {
    // The parser answers a request for help on an unknown command with the help of the whole.
    if arguments.first == "help", let misspelling = Misspelling(in: arguments) { throw misspelling }
    do {
      return try PEFTCommand.parseAsRoot(arguments)
    } catch {
      guard PEFTCommand.exitCode(for: error) != .success,
        let misspelling = Misspelling(in: arguments)
      else { throw error }
      throw misspelling
    }
  }
}
