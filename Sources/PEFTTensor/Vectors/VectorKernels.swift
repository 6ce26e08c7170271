import CPEFTKernels
import Foundation

/// The vector kernels of one instruction set: float32 arrays in and out, row-major, of any length
/// and alignment. They allocate nothing and start no thread. `ReferenceKernels` holds the same
/// operations as plain loops in Double.
///
/// In the element-wise kernels the output may be an input; no other two arrays may overlap.
/// Each element's result is the same wherever the array is cut.
public struct VectorKernels: Sendable {
  /// An instruction set the kernels are compiled for, from the least to the most.
  public enum InstructionSet: String, CaseIterable, Sendable {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
    case baseline
    /// AVX2 with FMA, 8 floats at a time.
    case avx2
    /// AVX-512 (F, BW, DQ, VL), 16 floats at a time.
    case avx512
    /// The same with products of bfloat16 pairs, AVX512_BF16.
    case avx512BF16 = "avx512bf16"
    /// The same with products of bfloat16 in the tiles of Intel AMX. Supported where the system
    /// grants this process tiles and products in them pass a check at the first use.
    case amx
  }

  /// The kernels of the best instruction set of this processor, or of the one that the environment
  /// variable `PEFT_ISA` names.
  public static let active: VectorKernels = {
    guard let name = ProcessInfo.processInfo.environment["PEFT_ISA"], !name.isEmpty else {
      guard let kernels = supported.last.flatMap(VectorKernels.init) else {
        preconditionFailure("vector kernels: the baseline is missing")
      }
      return kernels
    }
    guard let kernels = InstructionSet(rawValue: name).flatMap(VectorKernels.init) else {
      fatalError(environmentProblem ?? "")
    }
    return kernels
  }()

  /// What is wrong with the environment variable `PEFT_ISA`; nil when it is right or not set. The
  /// first use of `active` ends the process where something is, so ask before.
  public static var environmentProblem: String? {
    guard let name = ProcessInfo.processInfo.environment["PEFT_ISA"], !name.isEmpty,
      InstructionSet(rawValue: name).flatMap(VectorKernels.init) == nil
    else { return nil }
    let names = supported.map(\.rawValue).joined(separator: ", ")
    return "PEFT_ISA is \"\(name)\"; this processor supports \(names)"
  }

  /// The instruction sets of this processor, from the least to the most.
  public static var supported: [InstructionSet] {
    InstructionSet.allCases.filter { VectorKernels($0) != nil }
  }

  /// The instruction set of these kernels.
  public let instructionSet: InstructionSet
  nonisolated(unsafe) private let table: UnsafePointer<peft_kernels>

  /// The kernels of one instruction set; nil where this processor lacks it.
  public init?(_ instructionSet: InstructionSet) {
    let code: peft_isa =
      switch instructionSet {
      case .baseline: PEFT_BASELINE
      case .avx2: PEFT_AVX2
      case .avx512: PEFT_AVX512
      case .avx512BF16: PEFT_AVX512_BF16
      case .amx: PEFT_AMX
      }
    guard let table = peft_kernels_for(code) else { return nil }
    self.init(instructionSet, table: table)
  }

  /// The kernels of a table, as those of an instruction set.
  package init(_ instructionSet: InstructionSet, table: UnsafePointer<peft_kernels>) {
    self.instructionSet = instructionSet
    self.table = table
  }

  var functions: peft_kernels {
    @inline(__always) unsafeAddress { table }
  }
}
