import PEFTTensor
import PEFTTrain

extension RateSearch {
  /// The file's name in a run directory.
  package static let fileName = "rates.json"

  /// The search as JSON.
  public var json: JSONValue {
    var object: JSONObject = ["learningRate": .number(rate)]
    if let estimate {
      object["estimate"] = .object([
        "movement": .number(estimate.movement), "learningRate": .number(estimate.rate),
      ])
    }
    object["steps"] = .integer(steps)
    object["arms"] = .array(
      arms.map { arm in
        var object: JSONObject = [
          "learningRate": .number(arm.rate), "steps": .integer(arm.steps),
        ]
        object["loss"] = arm.loss.map { .number($0) }
        return .object(object)
      })
    object["seconds"] = .number(seconds)
    return .object(object)
  }

  /// Reads the search from `document`, which is the file `path` or a part of it.
  ///
  /// Throws `malformed` for anything that `json` could not have written.
  package init(_ document: JSONValue, path: String) throws(FileError) {
    let remedy = "restore the file, or train again with `overwrite`"
    func numbers(_ json: JSONValue) -> CheckedNumbers {
      CheckedNumbers(json, path: path, remedy: remedy)
    }
    func rate(_ json: JSONValue) throws(FileError) -> Double {
      try numbers(json).number("learningRate", in: Double.leastNonzeroMagnitude...1e9)
    }
    var estimate: RateEstimate?
    if let json = document["estimate"] {
      estimate = RateEstimate(movement: try numbers(json).number("movement", in: 0...1e30))
    }
    var arms: [Arm] = []
    for json in document["arms"]?.array ?? [] {
      let loss = json["loss"] == nil ? nil : try numbers(json).number("loss")
      arms.append(Arm(rate: try rate(json), steps: try numbers(json).count("steps"), loss: loss))
    }
    self.init(
      estimate: estimate, arms: arms, steps: try numbers(document).count("steps"),
      rate: try rate(document), seconds: try numbers(document).seconds("seconds"))
  }

  /// The search of the run in `directory`; nil if it has none.
  static func read(_ directory: String) throws(FileError) -> RateSearch? {
    let path = directory + "/" + fileName
    guard try DirectoryHandle.entry(path) != nil else { return nil }
    return try RateSearch(try SealedFile.read(path, named: fileName).document, path: path)
  }

  /// Writes the search to `path`, with the digest of its own bytes.
  func write(to path: String) throws(FileError) {
    try SealedFile.write(json.object ?? [:], named: Self.fileName, to: path)
  }
}
