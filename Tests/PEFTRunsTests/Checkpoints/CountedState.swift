import PEFTRuns
import PEFTTensor

/// A state with two parts: sums that change with the batches, and rows that change with every
/// count.
struct CountedState: CheckpointState, Hashable {
  static let manifestName = "counted.json"
  static let partNames = ["large-sums", "rows"]

  var batches: Int
  var sums: [Float]
  var rows: [Float]

  var numbers: JSONObject { ["batches": .integer(batches), "count": .integer(rows.count)] }
  var progress: String { "count \(rows.count)" }

  var parts: [CheckpointPart] {
    [
      CheckpointPart(
        "large-sums", key: "\(batches)",
        tensors: [SafetensorsOutput(name: "sums", shape: [sums.count], floats: sums)],
        metadata: ["batches": "\(batches)"]),
      CheckpointPart(
        "rows", key: "\(rows.count)",
        tensors: [SafetensorsOutput(name: "rows", shape: [rows.count], floats: rows)]),
    ]
  }

  init(batches: Int, sums: [Float], rows: [Float]) {
    (self.batches, self.sums, self.rows) = (batches, sums, rows)
  }

  /// The subject is the largest count.
  init(from files: CheckpointFiles, for largest: Int) throws(FileError) {
    batches = try files.numbers.count("batches")
    sums = try files["large-sums"].floats(of: "sums")
    rows = try files["rows"].floats(of: "rows")
    guard try files.numbers.count("count", in: 0...largest) == rows.count,
      files["large-sums"].metadata["batches"] == "\(batches)"
    else { throw files.malformed("rows", at: "rows", "another count") }
  }
}
