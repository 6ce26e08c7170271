import Foundation
import PEFTTensor
import Testing

/// Runs whose trained tensors are known bit for bit.
///
/// The digests hold for the kernels named here with OpenBLAS 0.3.21 on any processor with AVX2,
/// because only the kernels determine the order of the sums. They were produced when the number of
/// workers stopped mattering. Products of at least 96 rows with one worker still have the bits of
/// commit 04422bc.
@Suite("Bits of earlier versions")
struct BitsTests {
  private static let blas = "0.3.21"
  private static let environment = ["PEFT_ISA": "avx2", "OPENBLAS_CORETYPE": "Haswell"]

  private static let isComparable =
    Processor.flags.contains("avx2") && Processor.blasConfiguration.contains(blas)

  @Test(
    "full fine-tuning and LoRA give the stored bits with any number of workers",
    .enabled(if: isComparable, "the digests are for AVX2 and OpenBLAS \(blas)"),
    arguments: [
      ("full", "e9ce75327f4c73ffbada20400ec348d4ba5ec090ff840dcfdcfcc4223cb87f45"),
      ("lora", "1df77d49426b6883344b63e08c30cc7ba5e9caa2fa9f08175d1737981840d97b"),
    ], [1, 2, 3])
  func bits(run item: (method: String, digest: String), workers: Int) throws {
    let place = try Workplace()
    let (models, run) = (place.directory.path("models"), place.directory.path("run"))
    try #require(try PEFTProcess.run("models", models).status == 0)
    let (process, streams) = try PEFTProcess.start(
      [
        "train", "--model", models + "/roberta-small", "--train", place.train, "--dev", place.dev,
        "--method", item.method, "--steps", "10", "--batch-size", "16", "--learning-rate", "1e-3",
        "--weight-decay-on", "all", "--workers", "\(workers)", "--quiet", "--output", run,
      ], environment: Self.environment)
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(result.errors)")
    let found = try Fingerprint.file(run + "/trained.safetensors")
    #expect(found == item.digest)
  }

  @Test(
    "the number of workers changes no bit of a run with this processor's kernels",
    arguments: [
      "full", "lora", "speft", "lora-xs", "vera", "hra", "ether+", "c3a", "adalora", "hiwi",
      "lorta",
    ],
    ["fp32", "bf16"])
  func workers(method: String, precision: String) throws {
    let place = try Workplace()
    let models = place.directory.path("models")
    try #require(try PEFTProcess.run("models", models).status == 0)
    let runs = try [1, 2, 3].map { workers in
      let run = place.directory.path("run-\(workers)")
      let result = try PEFTProcess.run(
        "train", "--model", models + "/roberta-small", "--train", place.train, "--dev", place.dev,
        "--method", method, "--steps", "4", "--batch-size", "16", "--learning-rate", "1e-3",
        "--precision", precision, "--workers", "\(workers)", "--quiet", "--output", run)
      try #require(result.status == 0, "\(result.errors)")
      return try Fingerprint.file(run + "/trained.safetensors")
    }
    #expect(Set(runs).count == 1, "\(runs)")
  }
}
