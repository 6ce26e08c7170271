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
    fuzzTarget("FuzzCheckpoint", products: ["PEFTModels", "PEFTTensor", "PEFTTrain"]),
    fuzzTarget("FuzzDelimited", products: ["PEFTTensor", "PEFTTrain"]),
    fuzzTarget("FuzzJSON", products: ["PEFTTensor"]),
    fuzzTarget("FuzzJSONLines", products: ["PEFTTensor", "PEFTTrain"]),
    fuzzTarget("FuzzRunFiles", products: ["PEFTModels", "PEFTTensor", "PEFTTrain"]),
    fuzzTarget("FuzzSafetensors", products: ["PEFTTensor"]),
    fuzzTarget("FuzzTokenizer", products: ["PEFTText"]),
    fuzzTarget("FuzzYAML", products: ["PEFTTensor", "PEFTTrain"]),
  ],
  swiftLanguageModes: [.v6]
)
