import Foundation

/// A batch script for Slurm: it runs one command, and when its time is up, puts it back into the
/// queue to be resumed.
struct SlurmScript {
  /// The job's name.
  var name: String
  /// The command's path, and its arguments with those that make it resume.
  var command: [String]
  /// The cores of each process.
  var cores: Int
  /// The memory of each machine in MiB.
  var memory: Int
  /// The time limit in minutes.
  var minutes: Int
  /// The number of machines, each with one process of an MPI job.
  var nodes = 1
  /// The number of jobs of an array that share the work.
  var jobs = 1
  /// The partition; nil for the cluster's default.
  var partition: String?
  /// The exit status of a command that was stopped and can be resumed.
  var stoppedStatus: Int32

  /// The script.
  var text: String {
    """
    #!/bin/bash
    \(directives.map { "#SBATCH --" + $0 }.joined(separator: "\n"))

    # Slurm sends SIGUSR1 two minutes before the time is up. The command then saves its state and
    # ends with status \(stoppedStatus), and the job goes back into the queue.
    \(nodes > 1 ? "srun --mpi=pmix " : "")\(ShellLine.text(words: command)) &
    process=$!
    trap 'kill -USR1 "$process"' USR1
    wait "$process"
    status=$?
    # The signal ends `wait` before the command has ended.
    if [ "$status" -eq 138 ]; then
      wait "$process"
      status=$?
    fi
    if [ "$status" -eq \(stoppedStatus) ]; then
      scontrol requeue "$SLURM_JOB_ID"
    fi
    exit "$status"

    """
  }

  private var directives: [String] {
    [
      "job-name=\(name)", "nodes=\(nodes)", nodes > 1 ? "ntasks-per-node=1" : nil,
      "cpus-per-task=\(cores)", "mem=\(memory)M",
      String(format: "time=%d:%02d:00", minutes / 60, minutes % 60),
      partition.map { "partition=\($0)" }, jobs > 1 ? "array=1-\(jobs)" : nil,
      "signal=B:USR1@120", "requeue", "open-mode=append",
      "output=\(name)-\(jobs > 1 ? "%A-%a" : "%j").log",
    ].compactMap(\.self)
  }
}
