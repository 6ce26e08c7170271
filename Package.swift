// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "peft",
  products: [
    .executable(name: "peft", targets: ["peft-cli"]),
    .library(name: "PEFTRuntime", targets: ["PEFTRuntime"]),
    .library(name: "PEFTText", targets: ["PEFTText"]),
    .library(name: "PEFTTensor", targets: ["PEFTTensor"]),
    .library(name: "PEFTNetwork", targets: ["PEFTNetwork"]),
    .library(name: "PEFTSelect", targets: ["PEFTSelect"]),
    .library(name: "PEFTModels", targets: ["PEFTModels"]),
    .library(name: "PEFTReport", targets: ["PEFTReport"]),
    .library(name: "PEFTData", targets: ["PEFTData"]),
    .library(name: "PEFTTrain", targets: ["PEFTTrain"]),
    .library(name: "PEFTRuns", targets: ["PEFTRuns"]),
    .library(name: "PEFTStudy", targets: ["PEFTStudy"]),
  ],
  traits: [
    .trait(
      name: "MPI",
      description: "Lets several processes, started by mpirun or srun, work on one job.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS",
      pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev", "liblapacke-dev", "pkg-config"])]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev", "pkg-config"])]),
    .systemLibrary(
      name: "CMPI", pkgConfig: "mpi-c", providers: [.apt(["libopenmpi-dev", "pkg-config"])]),
    .target(name: "CPEFTKernels"),
    .target(name: "CPEFTProcess"),
    .target(name: "PEFTRuntime", dependencies: ["COpenSSL", "CPEFTKernels"]),
    .target(
      name: "PEFTMPI",
      dependencies: ["PEFTRuntime", .target(name: "CMPI", condition: .when(traits: ["MPI"]))]),
    .target(name: "PEFTText", dependencies: ["PEFTRuntime"]),
    .target(name: "PEFTTensor", dependencies: ["COpenBLAS", "CPEFTKernels", "PEFTRuntime"]),
    .target(name: "PEFTNetwork", dependencies: ["PEFTTensor"]),
    .target(name: "PEFTSelect", dependencies: ["PEFTNetwork", "PEFTTensor"]),
    .target(name: "PEFTModels", dependencies: ["PEFTNetwork", "PEFTTensor", "PEFTText"]),
    .target(name: "PEFTReport", dependencies: ["PEFTNetwork", "PEFTSelect"]),
    .target(name: "PEFTData", dependencies: ["PEFTNetwork", "PEFTTensor", "PEFTText"]),
    .target(name: "PEFTTrain", dependencies: ["PEFTData", "PEFTModels"]),
    .target(name: "PEFTRuns", dependencies: ["PEFTReport", "PEFTTrain"]),
    .target(
      name: "PEFTStudy", dependencies: ["PEFTRuns", .product(name: "Yams", package: "Yams")]),
    .executableTarget(
      name: "peft-cli",
      dependencies: [
        "PEFTStudy", "CPEFTProcess", "PEFTMPI",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Models")]),
    .testTarget(name: "PEFTRuntimeTests", dependencies: ["PEFTRuntime"]),
    .testTarget(
      name: "PEFTTextTests", dependencies: ["PEFTText", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(
      name: "PEFTTensorTests",
      dependencies: ["PEFTTensor", "CPEFTKernels", "CTileTwin", "TestSupport"],
      exclude: ["Fixtures"]),
    .target(name: "CTileTwin", dependencies: ["CPEFTKernels"], path: "Tests/CTileTwin"),
    .testTarget(name: "PEFTNetworkTests", dependencies: ["PEFTNetwork", "PEFTTensor"]),
    .testTarget(
      name: "PEFTSelectTests", dependencies: ["PEFTSelect", "PEFTTensor", "TestSupport"]),
    .testTarget(
      name: "PEFTModelsTests", dependencies: ["PEFTModels", "PEFTSelect", "TestSupport"],
      exclude: ["Fixtures"]),
    .target(name: "TestSupport", dependencies: ["PEFTModels"], path: "Tests/TestSupport"),
    .testTarget(name: "PEFTReportTests", dependencies: ["PEFTReport", "TestSupport"]),
    .testTarget(
      name: "PEFTDataTests", dependencies: ["PEFTData", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(name: "PEFTTrainTests", dependencies: ["PEFTRuns", "TestSupport"]),
    .testTarget(name: "PEFTRunsTests", dependencies: ["PEFTRuns", "TestSupport"]),
    .testTarget(
      name: "PEFTStudyTests", dependencies: ["PEFTStudy", "TestSupport"], exclude: ["Fixtures"]),
    .testTarget(
      name: "peft-cliTests", dependencies: ["peft-cli", "PEFTStudy", "TestSupport"],
      exclude: ["Fixtures", "Golden"]),
    .testTarget(name: "ArticleTests", dependencies: ["PEFTStudy", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
