import ArgumentParser
import PEFTStudy
import PEFTTensor

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract:
      "Writes the report page of a run, selection or comparison, or of several runs together.",
    discussion: """
      The page is a single file that needs no network.

      Examples:
        peft report runs/adapt
        peft report runs/lora runs/lora-bf16 --output both.html
      """)

  @Argument(
    help: """
      Directory that train, select, adapt or compare wrote, or several that train wrote. A \
      suite writes its page itself.
      """, completion: .directory)
  var directories: [String]

  @Option(
    help: "File to write. (default: report.html in the one directory)",
    completion: .file(extensions: ["html"]))
  var output: String?

  @OptionGroup var common: CommonOptions

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
