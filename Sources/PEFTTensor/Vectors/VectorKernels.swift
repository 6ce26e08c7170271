import CPEFTKernels
import Foundation

/// The vector kernels of one instruction set: row-major float32 arrays in and out, of any length
/// and alignment.
///
/// They allocate no memory and start no threads. `ReferenceKernels` holds the same operations as
/// plain loops in Double. In the element-wise kernels the output may be an input; no other two
/// arrays may overlap. The result of an element does not depend on where the array is split.
public struct VectorKernels: Sendable {
  /// An instruction set for which the kernels are compiled, ordered from least to most capable.
  public enum InstructionSet: String, CaseIterable, Sendable {
    /// The instructions that every processor of the architecture has: SSE2 on x86-64, NEON on
    /// arm64.
    case baseline
    /// AVX2 with FMA, 8 floats at a time.
    case avx2
    /// AVX-512 (F, BW, DQ, VL), 16 floats at a time.
    case avx512
    /// AVX-512 with products of bfloat16 pairs, AVX512_BF16.
    case avx512BF16 = "avx512bf16"
    /// AVX-512 with bfloat16 products in the tiles of Intel AMX. Supported if the system grants
    /// this process the use of tiles, and products in tiles pass a check at first use.
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

  /// A description of what is wrong with the environment variable `PEFT_ISA`; nil if it is valid or
  /// not set. If it is invalid, the first use of `active` ends the process, so check this first.
  public static var environmentProblem: String? {
    guard let name = ProcessInfo.processInfo.environment["PEFT_ISA"], !name.isEmpty,
      InstructionSet(rawValue: name).flatMap(VectorKernels.init) == nil
    else { return nil }
    let names = supported.map(\.rawValue).joined(separator: ", ")
    return "PEFT_ISA is \"\(name)\"; this processor supports \(names)"
  }

  /// The instruction sets that this processor supports, from least to most capable.
  public static var supported: [InstructionSet] {
    InstructionSet.allCases.filter { VectorKernels($0) != nil }
  }

  /// The instruction set of these kernels.
  public let instructionSet: InstructionSet
  nonisolated(unsafe) private let table: UnsafePointer<peft_kernels>

  /// Creates the kernels of one instruction set; nil if this processor lacks it.
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

  /// Creates kernels from a table, labelled with an instruction set.
  package init(_ instructionSet: InstructionSet, table: UnsafePointer<peft_kernels>) {
    self.instructionSet = instructionSet
    self.table = table
  }

  var functions: peft_kernels {
    @inline(__always) unsafeAddress { table }
  }
}
