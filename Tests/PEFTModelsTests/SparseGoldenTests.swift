import PEFTModels
import PEFTNetwork
import PEFTTensor
import Testing

/// What sparse methods choose and how their elements train, against dense masks in PyTorch; see the
/// README beside the fixture.
@Suite("Sparse methods beside PyTorch")
struct SparseGoldenTests {
  private let fixture: ParityFixture
  private let model: TransformerModel
  private let expected: JSONValue
  private let generator = SeededGenerator(seed: 4, purpose: "weights")
  private let sequences: [[Int32]]
  private let types: [[Int32]]

  init() throws {
    fixture = try ParityFixture("bert")
    model = try fixture.model()
    expected = try JSONValue(
      parsing: FileContents.read(ParityFixture.root + "/../sparse/expected.json"))
    let inputs = try JSONValue(parsing: FileContents.read(fixture.directory + "/inputs.json"))
    func rows(_ name: String) -> [[Int32]] {
      inputs[name]?.array?.map { $0.array?.compactMap(\.integer).map(Int32.init) ?? [] } ?? []
    }
    (sequences, types) = (rows("sequences"), rows("typeIDs"))
  }

  private static let batches = [[0, 1, 2], [3, 4]]

  /// Adds the gradients of the mean loss of some examples; returns the loss.
  @discardableResult
  private func add(
    _ examples: [Int], temperature: Double = 1, to gradients: GradientAccumulator
  ) -> Double {
    let tape = Tape()
    let batch = PackedBatch(
      sequences: examples.map { sequences[$0] }, typeIDs: examples.map { types[$0] })
    let loss = model.loss(
      batch, .classes(examples.map { Int(fixture.labels[$0]) }), temperature: temperature, on: tape)
    tape.pullBack(Tensor(repeating: 1, shape: [1]), from: loss.variable, to: gradients)
    return loss.mean
  }

  private func sums(temperature: Double = 1) -> GradientAccumulator {
    let gradients = GradientAccumulator()
    for batch in Self.batches { add(batch, temperature: temperature, to: gradients) }
    return gradients
  }

  /// The trainable elements outside the head, by name.
  private func mask(_ history: (Parameter) -> TrainableElements) -> [String: [Int]] {
    Dictionary(
      uniqueKeysWithValues: model.parameters.filter { $0.kind != .head }.compactMap { entry in
        history(entry.parameter).chosenElements.map { (entry.parameter.name, $0) }
      })
  }

  private func lists(_ json: JSONValue?) -> [String: [Int]] {
    json?.object.map { object in
      Dictionary(
        uniqueKeysWithValues: object.members.map { member in
          (member.key, member.value.array?.compactMap(\.integer) ?? [])
        })
    } ?? [:]
  }

  /// Takes the steps of the fixture with a method, and compares masks and losses.
  private func check(_ method: some AdaptationMethod, _ json: JSONValue) throws {
    method.attach(to: model, using: generator)
    if method.gradientBatches > 0 { method.choose(in: model, by: sums(), using: generator) }
    let steps = try #require(json["steps"]?.array)
    let session = try #require(
      method.session(on: model, steps: steps.count, using: generator) { _ in sums() })
    let candidates = Set(session.candidates)
    var settings = AdamW.Settings()
    settings.weightDecay = 0
    var optimizer = AdamW(
      parameters: model.parameters.map(\.parameter).filter {
        $0.isTrainable || candidates.contains($0)
      }, settings: settings, correctsByAge: session.correctsByAge)
    for (step, wanted) in steps.enumerated() {
      for (parameter, _) in try session.prepare(step: step) { optimizer.change(parameter) }
      let gradients = GradientAccumulator()
      let loss = add(Self.batches[step % 2], to: gradients)
      let wantedLoss = try #require(wanted["loss"]?.double)
      #expect(abs(loss - wantedLoss) < 2e-5 * wantedLoss, "\(step): \(loss), \(wantedLoss)")
      for (parameter, _) in session.adjust(gradients, step: step) { optimizer.change(parameter) }
      #expect(mask { $0.trains } == lists(wanted["mask"]), "step \(step)")
      optimizer.step(gradients: gradients, learningRate: 1e-2, gradientScale: 1)
    }
    #expect(mask { $0.recorded } == lists(json["trained"]))
    let last = try #require(json["lastLoss"]?.double)
    #expect(abs(add([0, 1, 2, 3, 4], to: GradientAccumulator()) - last) < 2e-5 * last)
  }

  @Test("ID3 unmasks the same elements, step by step", arguments: 0..<6)
  func unmasking(index: Int) throws {
    let json = try #require(expected["id3"]?.array?[index])
    var method = IncrementalUnmasking()
    for (name, value) in try #require(json["settings"]?.object).members {
      try method.set(name, value)
    }
    try check(method, json)
  }

  @Test("elements that are chosen again train as in PyTorch, and those that leave stay as they are")
  func dynamic() throws {
    let json = try #require(expected["dynamic"])
    let method = SparseTuning(
      entries: try #require(json["count"]?.integer), batches: 2,
      interval: try #require(json["interval"]?.integer))
    try check(method, json)
    #expect(model.recordedCount > model.trainableCount)
  }

  @Test("every salience chooses the same elements, by weight and of all weights", arguments: 0..<7)
  func saliences(index: Int) throws {
    let json = try #require(expected["speft"]?.array?[index])
    let rule = try #require(json["rule"]?.string.flatMap(Salience.init))
    for scope in [SparseTuning.Scope.matrix, .global] {
      let method = SparseTuning(
        entries: try #require(json["count"]?.integer), rule: rule, scope: scope, batches: 2)
      method.attach(to: model, using: generator)
      let gradients = GradientAccumulator()
      let wanted = model.parameters.map(\.parameter).filter(\.wantsWholeGradient)
      for batch in Self.batches {
        let parts =
          switch method.gradientStatistic {
          case .sum, .sumOfSquares, .changeAlongSum: [batch]
          case .sumOfExampleSquares: batch.map { [$0] }
          }
        for part in parts {
          guard method.gradientStatistic != .sum else {
            add(part, to: gradients)
            continue
          }
          let own = GradientAccumulator()
          add(part, to: own)
          gradients.addSquares(of: own, among: wanted)
        }
      }
      method.choose(in: model, by: gradients, using: generator)
      #expect(mask { $0.trains } == lists(json[scope.rawValue]), "\(rule) \(scope)")
    }
  }

  @Test("SynFlow and GRaSP have the saliences of PyTorch, and choose the same", arguments: 0..<2)
  func networkSaliences(index: Int) throws {
    let root = ParityFixture.root + "/../sparse/saliences"
    let json = try #require(
      try JSONValue(parsing: FileContents.read(root + ".json")).array?[index])
    let scores = try SafetensorsReader(path: root + ".safetensors")
    let rule = try #require(json["rule"]?.string.flatMap(Salience.init))
    let before = model.parameters.map(\.parameter.value)
    for scope in [SparseTuning.Scope.matrix, .global] {
      let method = SparseTuning(
        entries: try #require(json["count"]?.integer), rule: rule, scope: scope, batches: 2)
      method.attach(to: model, using: generator)
      let weights = method.layers(of: model).map(\.weight)
      let gradients: GradientAccumulator
      if case .changeAlongSum(let temperature) = method.gradientStatistic {
        gradients = weights.gradientChange(along: sums(temperature: temperature)) {
          sums(temperature: temperature)
        }
      } else {
        #expect(method.gradientBatches == 0)
        gradients = model.synapticFlow()
      }
      for weight in weights {
        let found = try #require(rule.scores(of: weight, by: gradients))
        let expected = Tensor(try scores.floats(of: "\(rule).\(weight.name)"), shape: weight.shape)
        // A difference of gradients for GRaSP, sums in Float32 for both.
        let error = found.relativeError(to: expected)
        #expect(error < (rule == .grasp ? 2e-4 : 1e-5), "\(rule) of \(weight.name): \(error)")
      }
      method.choose(in: model, by: gradients, using: generator)
      #expect(mask { $0.trains } == lists(json[scope.rawValue]), "\(rule) \(scope)")
    }
    for (entry, value) in zip(model.parameters, before) {
      #expect(entry.parameter.value.isIdentical(to: value), "\(entry.parameter.name)")
    }
  }

  @Test("RoCoFT chooses the rows and columns with the largest norms", arguments: 0..<4)
  func lines(index: Int) throws {
    let json = try #require(expected["rocoft"]?.array?[index])
    let lines = try #require(json["lines"]?.string.flatMap(RowColumnTuning.Lines.init))
    let method = RowColumnTuning(
      lines, count: try #require(json["count"]?.integer),
      rule: try #require(json["rule"]?.string.flatMap(RowColumnTuning.Rule.init)))
    method.attach(to: model, using: generator)
    let planned = method.plannedCount(in: model)
    method.choose(in: model, by: sums(), using: generator)
    let found = lists(json["found"])
    for weight in method.layers(of: model).map(\.weight) {
      let numbers = try #require(found[weight.name])
      let width = weight.shape.columns
      #expect(
        weight.trains
          == (lines == .rows
            ? .rows(numbers)
            : .elements((0..<weight.shape.rows).flatMap { row in numbers.map { row * width + $0 } })),
        "\(weight.name)")
    }
    #expect(model.trainableCount == planned && found.count == method.layers(of: model).count)
  }
}
