// swift-tools-version: 6.1
import PackageDescription

/// An executable whose `main` is libFuzzer's.
func fuzzTarget(_ name: String, products: [String]) -> Target {
  .executableTarget(
    name: name,
    dependencies: products.map { .product(name: $0, package: "peft") },
    swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "peft", path: "..")],
  targets: [
    fuzzTarget(
      "FuzzCheckpoint",
      products: ["PEFTModels", "PEFTRuns", "PEFTStudy", "PEFTTensor", "PEFTTrain"]),
    fuzzTarget("FuzzDelimited", products: ["PEFTData", "PEFTTensor"]),
    fuzzTarget("FuzzJSON", products: ["PEFTTensor"]),
    fuzzTarget("FuzzJSONLines", products: ["PEFTData", "PEFTTensor"]),
    fuzzTarget("FuzzRunFiles", products: ["PEFTModels", "PEFTRuns", "PEFTStudy", "PEFTTensor"]),
    fuzzTarget("FuzzSafetensors", products: ["PEFTTensor"]),
    fuzzTarget("FuzzTokenizer", products: ["PEFTText"]),
    fuzzTarget("FuzzYAML", products: ["PEFTStudy", "PEFTTensor"]),
  ],
  swiftLanguageModes: [.v6]
)
