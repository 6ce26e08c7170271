import Foundation
import PEFTRuns
import PEFTTensor
import TestSupport
import Testing

/// A working copy of what commit 04422bc produced (`Fixtures/version1`), with the commands for it.
struct Version1Fixture {
  static let source = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/version1")

  let directory: TemporaryDirectory
  let root: String

  init() throws {
    directory = try TemporaryDirectory()
    root = directory.path("version1")
    try FileManager.default.copyItem(atPath: Self.source.path, toPath: root)
  }

  /// A path in the copy.
  func path(_ name: String) -> String { root + "/" + name }

  /// Runs the command; an argument `@NAME` is a path in the copy.
  func run(
    _ arguments: [String], environment: [String: String] = [:]
  ) throws -> PEFTProcess {
    let arguments = arguments.map { $0.hasPrefix("@") ? path(String($0.dropFirst())) : $0 }
    let (process, streams) = try PEFTProcess.start(
      arguments + ["--workers", "1"], environment: environment)
    return try PEFTProcess.finish(process, streams)
  }

  /// The options in the generator script.
  static let train = [
    "train", "--model", "@base", "--train", "@data/train.tsv", "--dev", "@data/dev.tsv",
    "--columns", "text=1,label=2", "--method", "lora", "--rank", "2", "--alpha", "4",
    "--max-length", "24", "--learning-rate", "1e-2",
  ]
  static let whole = train + ["--epochs", "1.5", "--batch-size", "16"]
  static let slow =
    train + [
      "--steps", "30", "--batch-tokens", "256", "--evaluate-every", "8", "--checkpoint-every", "1",
    ]
  static let prompts = [
    "train", "--model", "@base", "--train", "@data/prompts.jsonl", "--test", "@data/prompts.jsonl",
    "--method", "bitfit", "--steps", "2", "--batch-size", "4", "--max-length", "24", "--generate",
    "--max-new-tokens", "4", "--no-repeat-ngram", "3",
  ]
  static let written = prompts + ["--beams", "2"]
  static let probe = [
    "probe", "--model", "@base", "--train", "@data/train.tsv", "--batch-size", "8", "--groups",
    "kind-layer", "--head-steps", "2", "--direction-batches", "2", "--candidates",
    "lora:1,2@c_attn", "--probe-batches", "3",
  ]
  static let fit = [
    "probe", "--model", "@base", "--train", "@data/train.tsv", "--batch-size", "4", "--estimator",
    "fit", "--groups", "kind", "--probe-steps", "10", "--period", "2", "--head-steps", "2",
    "--settle-after", "4", "--budget", "50%",
  ]
  static let pretrain = [
    "pretrain", "--target", "causal", "--train", "@data/text.txt", "--vocabulary-size", "270",
    "--hidden-size", "8", "--layers", "1", "--heads", "2", "--context", "32", "--batch-tokens",
    "128",
  ]

  /// Whether this machine computes the same bits as the instructions that produced the directory
  /// `name`.
  func isMadeHere(_ name: String) throws -> Bool {
    let made = try JSONValue(contentsOf: path(name) + "/environment.json")
    let here = EnvironmentReport.json
    return ["instructionSet", "blasCore"].allSatisfy { made[$0] == here[$0] }
  }
}

/// The tensors of a safetensors file by name.
func tensors(_ path: String) throws -> [String: [Float]] {
  let file = try SafetensorsReader(path: path)
  return try Dictionary(
    uniqueKeysWithValues: file.tensorNames.map { ($0, try file.floats(of: $0)) })
}

/// The norm of the difference of two vectors, divided by the norm of the second.
func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
  func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  guard found.count == expected.count else { return .infinity }
  let difference = norm(zip(found, expected).map { Double($0) - Double($1) })
  return difference == 0 ? 0 : difference / norm(expected.map(Double.init))
}
