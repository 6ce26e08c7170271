import Foundation
import PEFTTensor
import Testing

/// Runs whose trained tensors are known bit for bit, from before the libraries were split.
///
/// The digests were produced at commit 04422bc with the kernels named here. They hold for OpenBLAS
/// 0.3.21 on any processor with AVX2, because only the kernels determine the order of the sums.
@Suite("Bits of earlier versions")
struct BitsTests {
  private static let blas = "0.3.21"
  private static let environment = ["PEFT_ISA": "avx2", "OPENBLAS_CORETYPE": "Haswell"]

  private static let isComparable =
    Processor.flags.contains("avx2") && Processor.blasConfiguration.contains(blas)

  @Test(
    "full tuning and LoRA give the bits of commit 04422bc",
    .enabled(if: isComparable, "the digests are for AVX2 and OpenBLAS \(blas)"),
    arguments: [
      ("full", "18d3199b40fff303c54d89623933c2dce9fa29dd517c47451fbd1dec5aef1725"),
      ("lora", "1a5a1ac810263b0680c64afdfa78be90f8510c026ad95a015c39b7922138e265"),
    ])
  func bits(method: String, digest: String) throws {
    let place = try Workplace()
    let (models, run) = (place.directory.path("models"), place.directory.path("run"))
    try #require(try PEFTProcess.run("models", models).status == 0)
    let (process, streams) = try PEFTProcess.start(
      [
        "train", "--model", models + "/roberta-small", "--train", place.train, "--dev", place.dev,
        "--method", method, "--steps", "10", "--batch-size", "16", "--learning-rate", "1e-3",
        "--workers", "1", "--quiet", "--output", run,
      ], environment: Self.environment)
    let result = try PEFTProcess.finish(process, streams)
    try #require(result.status == 0, "\(result.errors)")
    #expect(try Fingerprint.file(run + "/trained.safetensors") == digest)
  }
}
