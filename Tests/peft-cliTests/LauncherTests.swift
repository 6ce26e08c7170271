import Foundation
import Testing

@Suite("Launchers of several processes")
struct LauncherTests {
  /// What the environment of one of four processes has, and the name of its launcher.
  private static let launchers: [(environment: [String: String], name: String)] = [
    (["OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"], "mpirun"),
    (["PMI_SIZE": "4", "PMI_RANK": "0"], "mpiexec"),
    (
      ["SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "PMI_SIZE": "4"],
      "srun"
    ),
  ]

  private static func run(
    _ command: String, _ environment: [String: String]
  ) throws -> (status: Int32, errors: String) {
    let place = FileManager.default.temporaryDirectory.appending(path: "peft-\(UUID())").path
    let process = try PEFTProcess.run(
      command, "--model", "nowhere", "--train", "nowhere.tsv", "--output", place,
      environment: environment)
    #expect(!FileManager.default.fileExists(atPath: place))
    return (process.status, process.errors)
  }

  @Test("several processes of a command that is one process are refused", arguments: launchers)
  func single(environment: [String: String], name: String) throws {
    let (status, errors) = try Self.run("compare", environment)
    #expect(status == 2)
    #expect(errors.contains("\(name) started 4 processes of a command that is one process"))
  }

  #if !MPI
    @Test("several processes are refused without MPI in the build", arguments: launchers)
    func unbuilt(environment: [String: String], name: String) throws {
      let (status, errors) = try Self.run("train", environment)
      #expect(status == 2)
      #expect(errors.contains("\(name) started 4 processes"))
      #expect(errors.contains("built without MPI") && errors.contains("--traits MPI"))
    }
  #endif

  @Test("a batch script is one process, whatever the number of tasks of its job")
  func script() throws {
    let (status, errors) = try Self.run("train", ["SLURM_PROCID": "0", "SLURM_NTASKS": "4"])
    #expect(status == 3 && errors.contains("nowhere"))
  }

  @Test("atoms are a positive number")
  func atoms() throws {
    for atoms in ["0", "-1"] {
      let process = try PEFTProcess.run(
        "train", "--model", "m", "--train", "t", "--output", "o", "--atoms", atoms)
      #expect(process.status == 2 && process.errors.contains("--atoms: give a number from 1"))
    }
  }
}
