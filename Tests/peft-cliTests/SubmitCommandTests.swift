import Foundation
import PEFTTensor
import TestSupport
import Testing

@Suite("Batch scripts")
struct SubmitCommandTests {
  /// A script of `peft submit`, run by bash with a `scontrol` that notes how it was called.
  private struct Job {
    let place: Workplace
    let script: String

    init(_ place: Workplace, _ arguments: [String]) throws {
      self.place = place
      let (process, directory) = try PEFTProcess.start(["submit"] + arguments)
      let result = try PEFTProcess.finish(process, directory)
      #expect(result.status == 0, "\(result.errors)")
      script = try place.directory.write(result.output, to: "job.sh")
      let tool = try place.directory.write(
        "#!/bin/sh\necho \"$@\" >>'\(place.directory.path("requests"))'\n", to: "scontrol")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: tool)
    }

    /// Starts the script, and sends it SIGUSR1 as soon as `isDue` returns true. Returns its exit
    /// status.
    func run(signalled isDue: (() -> Bool)? = nil) throws -> Int32 {
      let process = Process()
      // The threads of tests block signals, and bash would inherit that.
      process.executableURL = URL(filePath: "/usr/bin/perl")
      process.arguments = [
        "-MPOSIX", "-e", "sigprocmask(SIG_SETMASK, POSIX::SigSet->new()); exec @ARGV", "bash",
        script,
      ]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "PATH": place.directory.path + ":/usr/bin:/bin", "SLURM_JOB_ID": "42",
      ]) { $1 }
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      if let isDue {
        for _ in 0..<3000 where process.isRunning && !isDue() { usleep(10_000) }
        kill(process.processIdentifier, SIGUSR1)
      }
      process.waitUntilExit()
      return process.terminationStatus
    }

    var requests: String {
      (try? String(contentsOfFile: place.directory.path("requests"), encoding: .utf8)) ?? ""
    }
  }

  @Test("a job whose time is up goes back into the queue, and resumes to the bits of one run")
  func requeued() throws {
    let place = try Workplace()
    let run = place.directory.path("run")
    let options = [
      "--model", place.model, "--train", place.train, "--pooling", "mean", "--learning-rate",
      "1e-3", "--steps", "600", "--batch-size", "8",
    ]
    let job = try Job(place, ["--cores", "2", "--", "train"] + options + ["--output", run])
    let text = try String(contentsOfFile: job.script, encoding: .utf8)
    for line in ["cpus-per-task=2", "requeue", "signal=B:USR1@120", "nodes=1", "time=0:06:00"] {
      #expect(text.contains("#SBATCH --\(line)\n"), "\(text)")
    }
    let memory = try #require(text.firstMatch(of: /--mem=([0-9]+)M/).flatMap { Int($0.1) })
    #expect((140...1000).contains(memory))
    #expect(!FileManager.default.fileExists(atPath: run))
    let stopped = try job.run {
      FileManager.default.fileExists(atPath: run + "/environment.json")
    }
    #expect(stopped == 5 && job.requests == "requeue 42\n", "\(stopped) \(job.requests)")
    #expect(try job.run() == 0)
    #expect(job.requests == "requeue 42\n")
    let (process, directory) = try PEFTProcess.start(
      ["train"] + options + ["--output", place.directory.path("whole")])
    #expect(try PEFTProcess.finish(process, directory).status == 0)
    let tensors = try ["run", "whole"].map {
      try Data(contentsOf: URL(filePath: place.directory.path($0 + "/trained.safetensors")))
    }
    #expect(tensors[0] == tensors[1])
  }

  @Test("jobs of an array share a suite")
  func array() throws {
    let place = try Workplace()
    let suite = try place.directory.write(
      """
      name: shared
      question: Is it shared?
      models: {small: {model: \(place.model), pooling: mean}}
      tasks: {words: {train: \(place.train), dev: \(place.dev), test: \(place.dev)}}
      recipe: {steps: 3, batch-size: 8}
      seeds: [1]
      learning-rates: [1e-3]
      budgets: [5%]
      probes: {}
      methods: {lora: {method: lora, rank: 1}, norm: {method: norm}}
      ours: lora
      against: [norm]

      """, to: "suite.yaml")
    let output = place.directory.path("suite with a space")
    let job = try Job(
      place, ["--jobs", "3", "--quiet", "--", "suite", suite, "--output", output])
    let text = try String(contentsOfFile: job.script, encoding: .utf8)
    #expect(text.contains("#SBATCH --array=1-3\n"), "\(text)")
    #expect(text.contains("'\(output)' --shard claim &\n"), "\(text)")
    #expect(try job.run() == 0)
    let merged = try PEFTProcess.run("suite", suite, "--output", output, "--merge")
    #expect(merged.status == 0, "\(merged.errors)")
  }

  @Test("a configuration file that replaces results is refused as the option is")
  func replacing() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("overwrite: true\n", to: "run.yaml")
    let refused = try PEFTProcess.run(
      "submit", "--", "train", "--model", "m", "--train", "t", "--output", "o", "--config", file)
    #expect(refused.status == 2 && refused.errors.contains("anew"), "\(refused.errors)")
  }

  @Test("the script is given to sbatch, and where there is none, the message says so")
  func submitted() throws {
    let directory = try TemporaryDirectory()
    let tool = try directory.write(
      "#!/bin/sh\necho \"$@\" >>'\(directory.path("calls"))'\ncat >>'\(directory.path("script"))'\necho 17\n",
      to: "sbatch")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tool)
    func submit(path: String) throws -> PEFTProcess {
      try PEFTProcess.run(
        "submit", "--run", "--jobs", "2", "--memory", "100", "--time", "9", "--partition", "few",
        "--", "suite", "s.yaml", "--output", "o", environment: ["PATH": path])
    }
    let done = try submit(path: directory.path + ":/usr/bin:/bin")
    #expect(done.status == 0, "\(done.errors)")
    #expect(done.output == "job 17\njob 17 collects the results\n")
    let calls = try String(contentsOfFile: directory.path("calls"), encoding: .utf8)
    #expect(calls == "--parsable\n--parsable --dependency=afterok:17\n")
    let script = try String(contentsOfFile: directory.path("script"), encoding: .utf8)
    #expect(script.components(separatedBy: "#SBATCH --partition=few\n").count == 3, "\(script)")
    #expect(script.contains("#SBATCH --array=1-2\n") && script.contains("--output o --merge\n"))
    let missing = try submit(path: "/nonexistent")
    #expect(
      missing.status == 2 && missing.errors.contains("sbatch is not on this machine"),
      "\(missing.status) \(missing.errors)")
  }

  @Test(
    "what cannot be resumed or shared is refused",
    arguments: [
      (["--", "predict", "run", "--text", "a"], "cannot be resumed"),
      (["--", "train", "--model", "m", "--train", "t", "--output", "o", "--overwrite"], "anew"),
      (["--jobs", "2", "--", "train", "--model", "m", "--train", "t", "--output", "o"], "suite"),
      (
        [
          "--nodes", "2", "--", "adapt", "--model", "m", "--train", "t", "--output", "o",
          "--budget", "1%",
        ], "train, probe and suite"
      ),
      (
        ["--", "adapt", "--model", "m", "--train", "t", "--output", "o", "--budget", "1%"],
        "--memory and --time"
      ),
      (["--", "train", "--steps"], "--steps"), ([], "after --"),
      (
        [
          "--nodes", "2", "--", "train", "--model", "m", "--train", "t", "--output", "o",
          "--folds", "3",
        ], "--folds"
      ),
      (["--partition", "a b", "--", "suite", "s", "--output", "o"], "--partition"),
      (["--cores", "0", "--", "suite", "s", "--output", "o"], "--cores"),
    ])
  func refused(_ item: (arguments: [String], reason: String)) throws {
    let (process, directory) = try PEFTProcess.start(["submit"] + item.arguments)
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 2 && result.errors.contains(item.reason), "\(result.errors)")
    #expect(result.output.isEmpty)
  }
}
