import PEFTTensor

/// `frontier.csv`: the best predicted value for each number of parameters.
public enum FrontierFile {
  /// The file's name in a run directory.
  public static let fileName = "frontier.csv"

  /// The points of the frontier in `directory`; malformed lines are skipped.
  static func read(_ directory: String) throws(FileError) -> [(parameters: Int, value: Double)] {
    String(decoding: try FileContents.read(regularFile: directory + "/" + fileName), as: UTF8.self)
      .split(separator: "\n").dropFirst().compactMap { line in
        let cells = line.split(separator: ",")
        guard cells.count == 3, let parameters = Int(cells[0]), let value = Double(cells[2]) else {
          return nil
        }
        return (parameters, value)
      }
  }

  /// Writes `parameters,share,value` for each point.
  public static func write(
    _ points: [(parameters: Int, value: Double)], of total: Int, to path: String
  ) throws(FileError) {
    var text = "parameters,share,value\n"
    for (parameters, value) in points {
      text += "\(parameters),\(Double(parameters) / Double(total)),\(value)\n"
    }
    try AtomicFile.write(Array(text.utf8), to: path)
  }
}
