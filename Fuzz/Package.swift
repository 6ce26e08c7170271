// swift-tools-version: 6.1
import PackageDescription

/// An executable whose `main` is libFuzzer's.
func fuzzTarget(_ name: String, product: String) -> Target {
  .executableTarget(
    name: name,
    dependencies: [.product(name: product, package: "peft")],
    swiftSettings: [.unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "peft", path: "..")],
  targets: [
    fuzzTarget("FuzzJSON", product: "PEFTTensor"),
    fuzzTarget("FuzzSafetensors", product: "PEFTTensor"),
  ],
  swiftLanguageModes: [.v6]
)
