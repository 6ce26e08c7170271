import Foundation
import PEFTModels
import PEFTRuns
import PEFTTensor
import Testing

@Suite("Trained tensors")
struct TrainedTensorsTests {
  private static let query = "bert.encoder.layer.0.attention.self.query.weight"
  private static let rows = [0, 3, 7]

  /// A model in which the head and these rows of one matrix train.
  private func model(seed: UInt64, rows: [Int]?) throws -> TransformerModel {
    let configuration = EncoderConfiguration(
      family: .bert, vocabularySize: 12, hiddenSize: 8, layerCount: 1, headCount: 2,
      intermediateSize: 16, positionCount: 16, tokenTypeCount: 2, epsilon: 1e-12,
      activation: .gelu, hiddenDropout: 0, attentionDropout: 0, classifierDropout: nil,
      paddingID: 0, initializerRange: 0.02, labelNames: nil)
    let model = TransformerModel(
      configuration: .encoder(configuration), output: .classes(2, pooling: .mean))
    let generator = SeededGenerator(seed: seed, purpose: "weights")
    model.initializeWeights(using: generator)
    HeadTuning().attach(to: model, using: generator)
    let query = try self.query(of: model)
    query.trains = rows.map { .rows($0) } ?? .all
    return model
  }

  private func query(of model: TransformerModel) throws -> Parameter {
    try #require(model.parameters.first { $0.parameter.name == Self.query }?.parameter)
  }

  private func withFile(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "peft-trained-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test(
    "trained tensors survive a round trip, and nothing else is written", arguments: [nil, rows])
  func roundTrip(rows: [Int]?) throws {
    try withFile { path in
      let (trained, other) = (try model(seed: 1, rows: rows), try model(seed: 2, rows: rows))
      try TrainedTensors.save(trained, to: path)
      let before = try query(of: other).value
      let frozen = other.parameters.filter { !$0.parameter.isTrainable }.map {
        ($0.parameter, $0.parameter.value)
      }
      try TrainedTensors.load(path, into: other)
      for (mine, theirs) in zip(other.trainableParameters, trained.trainableParameters)
      where mine.trains.chosenRows == nil {
        #expect(mine.value.isIdentical(to: theirs.value), "\(mine.name)")
      }
      #expect(frozen.allSatisfy { $0.0.value.isIdentical(to: $0.1) })
      let (mine, theirs) = (try query(of: other).value, try query(of: trained).value)
      for row in 0..<8 {
        let source = rows?.contains(row) ?? true ? theirs : before
        #expect(mine.rows(row..<row + 1).isIdentical(to: source.rows(row..<row + 1)), "row \(row)")
      }
    }
  }

  @Test("a matrix with trained rows is stored as these rows and their indices")
  func layout() throws {
    try withFile { path in
      let trained = try model(seed: 1, rows: Self.rows)
      try TrainedTensors.save(trained, to: path)
      let file = try SafetensorsReader(path: path)
      #expect(file.entry(Self.query)?.shape == [3, 8])
      #expect(file.entry(Self.query + ".rows")?.type == .int64)
      #expect(try file.integers(of: Self.query + ".rows") == [0, 3, 7])
      let value = try query(of: trained).value
      let expected = Self.rows.flatMap { value.rows($0..<$0 + 1).elements }
      #expect(try file.floats(of: Self.query) == expected)
      #expect(
        Set(file.tensorNames)
          == Set(trained.trainableParameters.map(\.name) + [Self.query + ".rows"]))
    }
  }

  @Test(
    "rows other than the model's are refused with their place, before anything is read",
    arguments: [
      (rows, nil, "method of this run trains all"), (nil, rows, "trains 3 of the 8 rows"),
      (rows, [0, 3], "its shape is [3], and the method of this run trains 2 rows"),
      (rows, [0, 4, 7], "element 1 is row 3, where the method of this run trains row 4"),
    ] as [([Int]?, [Int]?, String)])
  func refused(stored: [Int]?, marked: [Int]?, reason: String) throws {
    try withFile { path in
      try TrainedTensors.save(try model(seed: 1, rows: stored), to: path)
      let other = try model(seed: 2, rows: marked)
      let before = other.parameters.map(\.parameter.value)
      let error = #expect(throws: FileError.self) { try TrainedTensors.load(path, into: other) }
      #expect(error?.kind == .malformed && error?.path == path)
      #expect(error?.place == "tensor \(Self.query).rows")
      #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
      for (value, entry) in zip(before, other.parameters) {
        #expect(entry.parameter.value.isIdentical(to: value))
      }
    }
  }

  @Test(
    "row indices that are not integers, values of another shape and unknown tensors are refused")
  func malformed() throws {
    let marked = try model(seed: 1, rows: Self.rows)
    let head = marked.trainableParameters.filter { $0.name != Self.query }.map { parameter in
      SafetensorsOutput(
        name: parameter.name, shape: parameter.shape.extents, floats: parameter.value.elements)
    }
    let values = SafetensorsOutput(
      name: Self.query, shape: [3, 8], floats: Array(repeating: 1, count: 24))
    let numbers = SafetensorsOutput(name: Self.query + ".rows", shape: [3], integers: [0, 3, 7])
    let floats = SafetensorsOutput(name: Self.query + ".rows", shape: [3], floats: [0, 3, 7])
    let wide = SafetensorsOutput(
      name: Self.query, shape: [8, 8], floats: Array(repeating: 1, count: 64))
    let stranger = SafetensorsOutput(name: "other.rows", shape: [1], integers: [0])
    let cases: [([SafetensorsOutput], String?)] = [
      ([values, numbers], nil), ([values, floats], Self.query + ".rows"),
      ([wide, numbers], Self.query), ([numbers], Self.query),
      ([values, numbers, stranger], "other.rows"),
    ]
    for (tensors, place) in cases {
      try withFile { path in
        try SafetensorsWriter.write(head + tensors, to: path)
        guard let place else { return try TrainedTensors.load(path, into: marked) }
        let error = #expect(throws: FileError.self) { try TrainedTensors.load(path, into: marked) }
        #expect(error?.place.contains(place) == true, "\(error.map { "\($0)" } ?? "")")
      }
    }
  }

  @Test("elements that a method chose are read back, and malformed ones are refused")
  func elements() throws {
    try withFile { path in
      let trained = try model(seed: 1, rows: Self.rows)
      try query(of: trained).trains = .elements([3, 17, 63])
      try TrainedTensors.save(trained, to: path)
      let file = try SafetensorsReader(path: path)
      #expect(file.entry(Self.query)?.shape == [3])
      #expect(try file.integers(of: Self.query + ".indices") == [3, 17, 63])

      let other = try model(seed: 2, rows: Self.rows)
      let before = try query(of: other).value.elements
      try query(of: other).trains = .none
      try query(of: other).wantsWholeGradient = true
      try TrainedTensors.load(path, into: other)
      let (mine, theirs) = (try query(of: other), try query(of: trained))
      #expect(mine.trains == theirs.trains && !mine.wantsWholeGradient)
      for position in 0..<64 {
        let expected = [3, 17, 63].contains(position) ? theirs.value.elements : before
        #expect(mine.value.elements[position] == expected[position])
      }
      // A method that chooses no elements cannot represent them.
      let strict = try model(seed: 2, rows: Self.rows)
      #expect(throws: FileError.self) { try TrainedTensors.load(path, into: strict) }
    }
    let marked = try model(seed: 1, rows: nil)
    let head = marked.trainableParameters.filter { $0.name != Self.query }.map { parameter in
      SafetensorsOutput(
        name: parameter.name, shape: parameter.shape.extents, floats: parameter.value.elements)
    }
    for indices in [[3, 3], [5, 3], [-1, 3], [3, 64], []] as [[Int64]] {
      try withFile { path in
        let values = SafetensorsOutput(
          name: Self.query, shape: [indices.count],
          floats: Array(repeating: 1, count: indices.count))
        let numbers = SafetensorsOutput(
          name: Self.query + ".indices", shape: [indices.count], integers: indices)
        try SafetensorsWriter.write(head + [values, numbers], to: path)
        let choosing = try model(seed: 1, rows: nil)
        try query(of: choosing).trains = .none
        try query(of: choosing).wantsWholeGradient = true
        let error = #expect(throws: FileError.self) {
          try TrainedTensors.load(path, into: choosing)
        }
        #expect(error?.place == "tensor \(Self.query).indices", "\(indices)")
      }
    }
  }
}
