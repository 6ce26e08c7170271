import PEFTTensor

/// `frontier.csv`: what each number of parameters could give.
public enum FrontierFile {
  /// The file's name in a run directory.
  public static let fileName = "frontier.csv"

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
