import ArgumentParser
import PEFTTensor
import PEFTTrain

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract:
      "Writes the page of a run, a selection or a comparison again, or one page for several runs.",
    discussion: """
      The page is one file that asks nothing of the network.

      Example:
        peft report runs/adapt
        peft report runs/lora runs/lora-bf16 --output both.html
      """)

  @Argument(
    help: """
      Directory of train, select, adapt or compare, but not of a suite, whose page compare --merge makes; or several \
      runs of train.
      """)
  var directories: [String]

  @Option(help: "File to write. (default: report.html in the one directory)")
  var output: String?

  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if directories.count > 1, output == nil {
      throw ValidationError("--output: name the file for the page of several runs")
    }
  }

  func run() throws {
    common.apply()
    let path = try ReportPage.write(of: directories, to: output)
    if common.json {
      Console.output(.object(["report": .string(path)]))
    } else {
      Console.output("report: \(path)")
    }
  }
}
