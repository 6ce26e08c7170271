import Foundation
import PEFTTensor
import Testing

/// Runs whose trained tensors are known bit for bit.
///
/// The digests hold for the kernels named here with OpenBLAS 0.3.21 on any processor with AVX2,
/// because only the kernels determine the order of the sums. They were produced when the products
/// of AVX2 left OpenBLAS, which still multiplies in attention.
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
      ("full", "32a7cf5ffdb64202f77e218969cf451e24be6c20013e827003e732f6f7bd4960"),
      ("lora", "b0d1128dbd35259a3042958fbeb6dd48d4f35a45657bbbfba5b63784d1926210"),
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
      "full", "lora", "speft", "lora-xs", "vera", "randlora", "hra", "ether+", "c3a", "adalora",
      "hiwi", "lorta", "bipeft --set rounds=6",
    ],
    ["fp32", "bf16"])
  func workers(method: String, precision: String) throws {
    let place = try Workplace()
    let models = place.directory.path("models")
    try #require(try PEFTProcess.run("models", models).status == 0)
    let runs = try [1, 2, 3].map { workers in
      let run = place.directory.path("run-\(workers)")
      let (process, streams) = try PEFTProcess.start(
        [
          "train", "--model", models + "/roberta-small", "--train", place.train, "--dev", place.dev,
          "--steps", "4", "--batch-size", "16", "--learning-rate", "1e-3", "--precision", precision,
          "--workers", "\(workers)", "--quiet", "--output", run, "--method",
        ] + method.split(separator: " ").map(String.init))
      let result = try PEFTProcess.finish(process, streams)
      try #require(result.status == 0, "\(result.errors)")
      return try Fingerprint.file(run + "/trained.safetensors")
    }
    #expect(Set(runs).count == 1, "\(runs)")
  }
}
