// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "peft-benchmarks",
  dependencies: [
    .package(name: "peft", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .target(
      name: "BenchmarkModels",
      dependencies: [
        .product(name: "PEFTTensor", package: "peft"),
        .product(name: "PEFTModels", package: "peft"),
      ]),
    .executableTarget(
      name: "Steps",
      dependencies: [
        "BenchmarkModels",
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "PEFTTensor", package: "peft"),
        .product(name: "PEFTNetwork", package: "peft"),
        .product(name: "PEFTModels", package: "peft"),
      ],
      path: "Benchmarks/Steps",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    .executableTarget(
      name: "step-time",
      dependencies: [
        "BenchmarkModels",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "PEFTTensor", package: "peft"),
        .product(name: "PEFTNetwork", package: "peft"),
        .product(name: "PEFTModels", package: "peft"),
        .product(name: "PEFTData", package: "peft"),
        .product(name: "PEFTText", package: "peft"),
      ]),
    .executableTarget(
      name: "generate-time",
      dependencies: [
        "BenchmarkModels",
        .product(name: "PEFTTensor", package: "peft"),
        .product(name: "PEFTModels", package: "peft"),
      ]),
    .executableTarget(
      name: "tokenize-speed",
      dependencies: [
        .product(name: "PEFTRuntime", package: "peft"),
        .product(name: "PEFTText", package: "peft"),
      ]),
    .executableTarget(
      name: "product-time",
      dependencies: [.product(name: "PEFTTensor", package: "peft")]),
    .executableTarget(
      name: "knapsack-time",
      dependencies: [
        .product(name: "PEFTTensor", package: "peft"),
        .product(name: "PEFTSelect", package: "peft"),
      ]),
    .executableTarget(
      name: "suite-claims",
      dependencies: [
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "PEFTRuntime", package: "peft"),
        .product(name: "PEFTData", package: "peft"),
        .product(name: "PEFTStudy", package: "peft"),
      ]),
    .testTarget(name: "suite-claimsTests", dependencies: ["suite-claims"]),
    .executableTarget(
      name: "probe-time",
      dependencies: [
        "BenchmarkModels",
        .product(name: "PEFTTensor", package: "peft"),
        .product(name: "PEFTNetwork", package: "peft"),
        .product(name: "PEFTSelect", package: "peft"),
        .product(name: "PEFTModels", package: "peft"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
