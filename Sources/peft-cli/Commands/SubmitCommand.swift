import ArgumentParser
import Foundation
import PEFTRuns
import PEFTStudy
import PEFTTensor

struct SubmitCommand: ParsableCommand, SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Prints a batch script for Slurm that runs another command, or submits it.",
    discussion: """
      The script asks for memory and time as forecast here for `train` and `suite`, and for what \
      the options say otherwise. Shortly before the time is up, the command saves its state, and \
      the job goes back into the queue to be resumed.

      Examples:
        peft submit -- train --model minilm --train train.tsv --method lora --output lora
        peft submit --jobs 20 --cores 4 --run -- suite suite.yaml --output runs/suite
        peft submit --memory 8000 --time 120 -- adapt --model minilm --train train.tsv \
          --budget 0.5% --output run
      """)

  @Argument(
    parsing: .postTerminator,
    help: "The command to run: train, adapt, probe, compare, suite or tune, with its options.")
  var command: [String] = []

  @Option(help: "Cores of a process; the default is the number of usable cores of this machine.")
  var cores: Int?

  @Option(help: "Memory of a machine in MiB; the default is forecast.")
  var memory: Int?

  @Option(help: "Time limit in minutes; the default is forecast, on this machine.")
  var time: Int?

  @Option(help: "Jobs of an array that share a suite.")
  var jobs = 1

  @Option(help: "Machines that share a run, each with one process of an MPI job.")
  var nodes = 1

  @Option(help: "Partition of the cluster.")
  var partition: String?

  @Flag(
    name: .customLong("run"), help: "Submit the script with sbatch, instead of printing it.")
  var submits = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    for (name, value) in [
      ("cores", cores), ("memory", memory), ("time", time), ("jobs", jobs), ("nodes", nodes),
    ] {
      if let value, !(1...1_000_000).contains(value) {
        throw ValidationError("--\(name) \(value): give a number from 1 to 1000000")
      }
    }
    if let partition, partition.wholeMatch(of: /[A-Za-z0-9_.,-]+/) == nil {
      throw ValidationError("--partition: \(partition) is no name of a partition")
    }
    if jobs > 1, nodes > 1 {
      throw ValidationError("--jobs and --nodes exclude each other")
    }
    if command.isEmpty {
      throw ValidationError("name the command after --, as in peft submit -- train …")
    }
  }

  func run() throws {
    common.apply()
    let submitted = try SubmittedCommand(command, jobs: jobs, nodes: nodes)
    var need: SubmittedCommand.Need?
    if memory == nil || time == nil { need = try submitted.forecast() }
    let script = SlurmScript(
      name: "peft-\(submitted.name)",
      command: [try Self.executable] + submitted.resumable,
      cores: cores ?? Processor.availableCores,
      memory: memory ?? need?.memory ?? 0, minutes: time ?? need?.minutes(jobs: jobs) ?? 0,
      nodes: nodes, jobs: jobs, partition: partition,
      stoppedStatus: ExitStatus.interrupted.rawValue)
    if let need {
      common.note(
        "forecast on this machine with \(WorkerPool.shared.workerCount) workers: "
          + "\(need.memory) MiB, \(ProgressLine.duration(need.seconds)) in all")
    }
    guard submits else {
      Console.write(script.text)
      if let merge = submitted.merge {
        common.note(
          "when all jobs have ended: " + ShellLine.text(words: [try Self.executable] + merge))
      }
      return
    }
    let job = try Self.submit(script.text, [])
    Console.output("job \(job)")
    if let merge = submitted.merge {
      let line = ShellLine.text(words: [try Self.executable] + merge)
      let last = try Self.submit(
        "#!/bin/bash\n#SBATCH --job-name=\(script.name)-merge\n#SBATCH --mem=\(script.memory)M\n"
          + (script.partition.map { "#SBATCH --partition=\($0)\n" } ?? "")
          + "#SBATCH --output=\(script.name)-merge-%j.log\n\(line)\n",
        ["--dependency=afterok:\(job)"])
      Console.output("job \(last) collects the results")
    }
  }

  /// The path of this command.
  private static var executable: String {
    get throws { try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") }
  }

  /// Submits a script, and returns the number of its job.
  private static func submit(_ script: String, _ options: [String]) throws -> String {
    let (process, input, output) = (Process(), Pipe(), Pipe())
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["sbatch", "--parsable"] + options
    (process.standardInput, process.standardOutput) = (input, output)
    try process.run()
    // A program that ends without reading is judged by its status.
    try? input.fileHandleForWriting.write(contentsOf: Data(script.utf8))
    try? input.fileHandleForWriting.close()
    let answer = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let job = String(decoding: answer, as: UTF8.self).split { !$0.isNumber }.first
    guard process.terminationStatus == 0, let job else {
      throw InvalidSetting(
        process.terminationStatus == 127
          ? "sbatch is not on this machine; leave out `run`, and submit the printed script where "
            + "it is"
          : "sbatch ended with status \(process.terminationStatus)")
    }
    return String(job)
  }
}
