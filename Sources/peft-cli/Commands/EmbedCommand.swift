import ArgumentParser
import PEFTData
import PEFTModels
import PEFTRuns
import PEFTTensor

struct EmbedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed", abstract: "Prints or writes the embedding of every text.",
    discussion: """
      The model is a run trained with --task similarity or retrieval, or any model directory. Of a \
      directory of sentence-transformers, pooling, normalisation and the longest text are those of \
      its modules.json; of any other, the embedding is the mean of the tokens.

      Without --output, each text is a JSON line with its id, the text and the embedding. The \
      extension of --output is the format: .jsonl, .npy (an array of NumPy) or .safetensors (the \
      tensor "embeddings").

      Examples:
        peft embed minilm --text "a fine film" --text "a dull one"
        peft embed runs/pairs --data texts.tsv --output texts.npy
        peft predict runs/pairs --data pairs.tsv   # the cosine of every pair
      """)

  @Argument(help: "Run directory, or model directory.", completion: .directory)
  var model: String

  /// The options that most jobs need.
  struct Main: ParsableArguments {
    @Option(
      name: .customLong("data"),
      help: "Texts to embed; - is standard input (JSON lines, or one text per line).",
      completion: .file())
    var dataPath: String?

    @Option(help: "A text to embed, instead of --data; may be given several times.")
    var text: [String] = []

    @Option(
      help: "File to write: *.jsonl, *.npy or *.safetensors.",
      completion: .file(extensions: ["jsonl", "npy", "safetensors"]))
    var output: String?

    @Flag(help: "Replace the file in --output.")
    var overwrite = false

    @Option(help: "How to pool the tokens of a model directory. (default: as it says, else mean)")
    var pooling: Pooling?

    @Flag(
      inversion: .prefixedNo,
      help: """
        Give every embedding the length 1. (default: as modules.json says; for a run, yes)
        """)
    var normalize: Bool?
  }

  @OptionGroup(title: "Main options") var main: Main
  @OptionGroup(title: "Data") var data: DataOptions

  @Option(
    name: .customLong("model"),
    help: "Directory of a run's base model, if it has moved since the training.",
    completion: .directory)
  var base: String?

  @Option(help: "Maximum length of a text in tokens. (default: the model's)")
  var maxLength: Int?

  @OptionGroup(title: "Common") var common: CommonOptions

  func validate() throws {
    if (main.dataPath == nil) == main.text.isEmpty {
      throw ValidationError("--data or --text: give one of them")
    }
    if main.dataPath == nil, data.format != nil || data.columns != nil {
      throw ValidationError("--format and --columns: they go with --data")
    }
    if main.output == nil, main.overwrite {
      throw ValidationError("--overwrite: it goes with --output")
    }
  }

  func run() throws {
    try common.start()
    let target = try main.output.map { path throws(FileError) in
      (path: path, format: try checked(path))
    }
    let embedder = try TrainedModel.embedder(model, base: base, pooling: main.pooling)
    let read = try read(by: embedder.trained)
    read.notes.forEach { common.note($0) }
    let rows = read.rows
    DataReader.warnings(about: rows.examples, path: rows.path).forEach { common.note($0) }
    if rows.examples.contains(where: { $0.pair != nil }) {
      common.note("\(rows.path): of each pair, the first text is embedded (`columns` selects)")
    }
    let encoded = embedder.encode(rows, maximumLength: read.reader.maximumLength)
    if encoded.truncatedCount > 0 {
      common.note(
        "\(encoded.truncatedCount) of \(encoded.count) texts were cut to "
          + "\(read.reader.maximumLength) tokens")
    }
    let isNormalized = main.normalize ?? embedder.settings.isNormalized
    let texts = rows.examples.enumerated().map { index, example in
      (id: example.id ?? String(index + 1), text: example.text)
    }
    guard let target else {
      var index = 0
      embedder.trained.model.embed(encoded, normalized: isNormalized) { embedding in
        let (id, text) = texts[index]
        Console.output(EmbeddingFile.line(id: id, text: text, embedding: embedding))
        index += 1
      }
      return
    }
    var elements: [Float] = []
    let width = embedder.trained.model.configuration.hiddenSize
    elements.reserveCapacity(encoded.count * width)
    embedder.trained.model.embed(encoded, normalized: isNormalized) { elements += $0 }
    try target.format.write(
      Tensor(elements, shape: [encoded.count, width]), of: texts, to: target.path)
    common.note(
      "\(target.path): \(encoded.count) embeddings of \(width) numbers, pooling "
        + "\(embedder.settings.pooling.rawValue)" + (isNormalized ? ", of length 1" : ""))
  }

  /// The format of the file to write, which must not exist unless it may be replaced.
  private func checked(_ path: String) throws(FileError) -> EmbeddingFile {
    let format = try EmbeddingFile(extensionOf: path)
    if !main.overwrite, try DirectoryHandle.entry(path) != nil {
      throw FileError(
        .storage, path: path, reason: "something with this name already exists",
        remedy: "name another file, or add --overwrite")
    }
    return format
  }

  /// The texts; how a run read its pairs does not matter.
  private func read(by trained: TrainedModel) throws -> TrainedModel.ReadData {
    var trained = trained
    trained.reading = DataReading()
    guard let dataPath = main.dataPath else {
      return try trained.data(
        of: main.text.map { ($0, nil) }, name: "`text`", maximumLength: maxLength)
    }
    return try trained.data(
      at: dataPath, format: data.format, columns: data.columns, kind: .auto,
      maximumLength: maxLength, needsLabels: false)
  }
}
