import PEFTModels
import PEFTTensor

/// The tensors that trained, as a safetensors file: exactly those, including the head, and in
/// addition the tensors that the base model lacks: those that the run initialised, such as BERT's
/// pooler, and the frozen parameters of adapters.
///
/// A whole tensor is stored as in the model's own files. If only some rows of a matrix [m, n]
/// trained, `NAME` [|rows|, n] has these rows and `NAME.rows` [|rows|] has their indices as I64,
/// ascending, counted from 0. Rows are outputs, even if the model's files store the transpose of
/// the matrix, as GPT-2's do. If a method chose single elements of a tensor, `NAME` [k] has these
/// elements and `NAME.indices` [k] has their positions as I64, ascending, in row-major order of
/// [outputs, inputs]. Elements that trained for a part of the run are among them.
public enum TrainedTensors {
  /// The file's name in a run directory.
  public static let fileName = "trained.safetensors"

  /// Writes the trainable tensors of `model`, and the elements that were trainable earlier, plus
  /// the parameters in `drawn` in full.
  public static func save(
    _ model: TransformerModel, drawn: [String] = [], to path: String
  ) throws(FileError) {
    let frozen = model.frozenAdapterParameters + parameters(of: model, called: drawn)
    let others = frozen.map { parameter in
      SafetensorsOutput(name: parameter.name, shape: parameter.fileShape.extents) {
        (body) throws(FileError) in try parameter.fileValue.withUnsafeElements(body)
      }
    }
    let trained = model.parameters.map { ($0.parameter, $0.parameter.recorded) }
    let tensors = trained.filter { $0.1 != .none }.flatMap { parameter, recorded in
      let values = SafetensorsOutput(
        name: parameter.name,
        shape: (recorded == .all ? parameter.fileShape : recorded.shape(in: parameter.shape))
          .extents
      ) { (body) throws(FileError) in
        let value = recorded == .all ? parameter.fileValue : parameter.value(of: recorded)
        try value.withUnsafeElements(body)
      }
      let rows = recorded.chosenRows.map { (rowsName(parameter), $0) }
      let elements = recorded.chosenElements.map { (indicesName(parameter), $0) }
      let numbers = (rows ?? elements).map { name, numbers in
        SafetensorsOutput(name: name, shape: [numbers.count], integers: numbers.map(Int64.init))
      }
      return [values] + (numbers.map { [$0] } ?? [])
    }
    try SafetensorsWriter.write(tensors + others, metadata: ["format": "pt"], to: path)
  }

  /// The parameters called `names` that are not trainable.
  private static func parameters(
    of model: TransformerModel, called names: [String]
  ) -> [Parameter] {
    model.parameters.map(\.parameter).filter {
      $0.recorded == .none && names.contains($0.name)
    }
  }

  /// Reads the tensors back. The file must have exactly the trainable parameters of `model`, with
  /// their shapes and trainable rows, and the frozen ones of its adapters. Of the parameters called
  /// `drawn`, it may have any.
  ///
  /// Errors: `malformed` if the file has other tensors, rows or shapes; those of the reader.
  public static func load(
    _ path: String, into model: TransformerModel, drawn: [String] = []
  ) throws(FileError) {
    try load(SafetensorsReader(path: path), into: model, drawn: drawn)
  }

  /// Reads the tensors back from an open file, as `load(_:into:drawn:)` does from a path.
  static func load(
    _ file: SafetensorsReader, into model: TransformerModel, drawn: [String]
  ) throws(FileError) {
    let path = file.path
    model.settleRanks { file.entry($0)?.shape }
    // If a method chose rows or elements, before training or during it, the file records which.
    for parameter in model.parameters.map(\.parameter) where parameter.recordsElements {
      parameter.wantsWholeGradient = false
      parameter.trains = .none
      if file.entry(rowsName(parameter)) != nil {
        parameter.trains = .rows(try rows(rowsName(parameter), in: file, of: parameter))
      } else if file.entry(indicesName(parameter)) != nil {
        parameter.trains = .elements(try positions(indicesName(parameter), in: file, of: parameter))
      }
    }
    model.detachFrozenAdapters()
    let others = parameters(of: model, called: drawn).filter { file.entry($0.name) != nil }
    let parameters = model.trainableParameters + model.frozenAdapterParameters + others
    let expected = Set(
      parameters.flatMap {
        [$0.name, $0.trains.chosenElements == nil ? rowsName($0) : indicesName($0)]
      })
    if let stranger = file.tensorNames.first(where: { !expected.contains($0) }) {
      throw mismatch(path, stranger, "the method of this run does not train it")
    }
    for parameter in parameters { try checkRows(of: parameter, in: file) }
    for parameter in parameters {
      let shape = storedShape(parameter)
      guard let entry = file.entry(parameter.name), entry.shape == shape.extents else {
        throw mismatch(path, parameter.name, "it is missing, or its shape is not \(shape)")
      }
      var value = Tensor(zeros: shape)
      try value.withUnsafeMutableElements { (elements) throws(FileError) in
        try file.readFloats(of: parameter.name, into: elements)
      }
      guard value.sumOfSquares.isFinite else {
        throw mismatch(path, parameter.name, "it has numbers that are not finite")
      }
      if parameter.trains == .all || !parameter.isTrainable {
        parameter.fileValue = value
      } else {
        parameter.trainableValue = value
      }
    }
  }

  private static func storedShape(_ parameter: Parameter) -> Shape {
    parameter.trains == .all || !parameter.isTrainable
      ? parameter.fileShape : parameter.trainableShape
  }

  private static func rowsName(_ parameter: Parameter) -> String { parameter.name + ".rows" }

  private static func indicesName(_ parameter: Parameter) -> String { parameter.name + ".indices" }

  /// The ascending positions in `parameter` that the tensor `name` contains.
  static func positions(
    _ name: String, in file: SafetensorsReader, of parameter: Parameter
  ) throws(FileError) -> [Int] {
    try ascending(
      name, in: file, below: parameter.count, "positions", "the elements of \(parameter.name)")
  }

  /// The ascending rows of the matrix `parameter` that the tensor `name` contains.
  static func rows(
    _ name: String, in file: SafetensorsReader, of parameter: Parameter
  ) throws(FileError) -> [Int] {
    try ascending(
      name, in: file, below: parameter.shape.rank == 2 ? parameter.shape.rows : 0, "rows",
      "those of \(parameter.name)")
  }

  private static func ascending(
    _ name: String, in file: SafetensorsReader, below limit: Int, _ numbers: String, _ all: String
  ) throws(FileError) -> [Int] {
    let stored = try file.integers(of: name)
    guard file.entry(name)?.shape == [stored.count], let first = stored.first,
      let last = stored.last, first >= 0, last < Int64(limit),
      zip(stored, stored.dropFirst()).allSatisfy(<)
    else {
      throw mismatch(file.path, name, "it must have ascending \(numbers) below \(limit), \(all)")
    }
    return stored.map { Int($0) }
  }

  private static func checkRows(
    of parameter: Parameter, in file: SafetensorsReader
  ) throws(FileError) {
    let name = rowsName(parameter)
    guard let rows = parameter.trains.chosenRows else {
      guard file.entry(name) == nil else {
        throw mismatch(
          file.path, name, "it holds some rows only, and the method of this run trains all")
      }
      return
    }
    guard let entry = file.entry(name) else {
      throw mismatch(
        file.path, name,
        "it is missing, but the method of this run trains \(rows.count) of the "
          + "\(parameter.shape[0]) rows of \(parameter.name)")
    }
    guard entry.shape == [rows.count] else {
      throw mismatch(
        file.path, name,
        "its shape is \(entry.shape), and the method of this run trains \(rows.count) rows")
    }
    let stored = try file.integers(of: name)
    if let place = rows.indices.first(where: { Int64(rows[$0]) != stored[$0] }) {
      throw mismatch(
        file.path, name,
        "element \(place) is row \(stored[place]), where the method of this run trains row "
          + "\(rows[place])")
    }
  }

  private static func mismatch(_ path: String, _ tensor: String, _ reason: String) -> FileError {
    FileError(.malformed, path: path, place: "tensor \(tensor)", reason: reason)
  }
}
