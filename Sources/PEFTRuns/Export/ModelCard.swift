import Foundation
import PEFTData
import PEFTNetwork
import PEFTReport
import PEFTTensor

/// The model card of an export: `README.md` as the Hugging Face Hub shows it.
///
/// Its front matter names the base model, the library that loads the export, tags, and the metrics
/// of the run as a `model-index`. The text below says how the model was made and how to use it.
/// What only its author knows, the license above all, is left to be added.
struct ModelCard {
  /// The file's name.
  static let fileName = "README.md"

  /// The format of the export.
  let format: RunExport.Format
  /// The name of the export, the last component of its path.
  let name: String
  /// The manifest of the run.
  let manifest: RunManifest
  /// The family of the base model, its `model_type`.
  let family: String
  /// Whether the model generates text.
  let isCausal: Bool
  /// The directory of the base model.
  let base: String
  /// The names of the data files by split, as far as they are known.
  let dataNames: [String: String]

  /// The card as text.
  var text: String { "---\n" + frontMatter + "---\n\n" + sections.joined(separator: "\n\n") + "\n" }

  /// The name of the base on the Hub, as far as its path shows it: `ORGANISATION/MODEL` in a cache
  /// of the Hub (`models--ORGANISATION--MODEL/snapshots/…`), else the directory's name.
  var baseName: String {
    let components = absolutePath(base).split(separator: "/").map(String.init)
    if let cached = components.last(where: { $0.hasPrefix("models" + Self.cacheSeparator) }) {
      let parts = cached.components(separatedBy: Self.cacheSeparator).dropFirst()
      if !parts.isEmpty { return parts.joined(separator: "/") }
    }
    return components.last ?? base
  }

  private static let cacheSeparator = String(repeating: "-", count: 2)

  // MARK: - Front matter

  private var frontMatter: String {
    var lines = ["base_model: \(Self.scalar(baseName))"]
    if !baseName.contains("/") { lines.append("# Put the base model's full name on the Hub here.") }
    lines.append("# Add the license, which the base model's may restrict.")
    if let library { lines.append("library_name: \(library)") }
    lines.append("pipeline_tag: \(pipeline)")
    lines += ["tags:"] + tags.map { "- \(Self.scalar($0))" }
    let measured = Set(manifest.metricNames).compactMap { Self.hubMetrics[$0] }
    if !measured.isEmpty { lines += ["metrics:"] + Set(measured).sorted().map { "- \($0)" } }
    lines += index
    return lines.map { $0 + "\n" }.joined()
  }

  /// The library that loads the export; nil for a delta, which only this package reads.
  private var library: String? {
    switch format {
    case .merged: manifest.task is any PairTask ? "sentence-transformers" : "transformers"
    case .peft: "peft"
    case .onnx: "transformers"
    case .delta: nil
    }
  }

  /// The Hub's name of the task.
  private var pipeline: String {
    switch manifest.task {
    case is TokenClassification: "token-classification"
    case is any PairTask: "sentence-similarity"
    case let task where task.isLanguage: isCausal ? "text-generation" : "fill-mask"
    default: "text-classification"
    }
  }

  private var tags: [String] {
    [type(of: manifest.task).name, type(of: manifest.method).name, "parameter-efficient"]
      + (manifest.task is any PairTask ? ["feature-extraction"] : [])
      + (format == .delta || format == .onnx ? [format.rawValue] : [])
  }

  /// The metrics in the form of the Hub's evaluation results.
  private var index: [String] {
    var lines: [String] = []
    for (split, values) in manifest.metrics {
      let finite = values.filter(\.value.isFinite)
      guard !finite.isEmpty else { continue }
      let data = dataNames[split] ?? "\(split) data"
      lines += [
        "  - task:", "      type: \(pipeline)", "    dataset:", "      type: custom",
        "      name: \(Self.scalar(data))", "      split: \(split == "dev" ? "validation" : split)",
        "    metrics:",
      ]
      for (name, value) in finite {
        lines += [
          "    - type: \(Self.hubMetrics[name] ?? Self.scalar(name))",
          "      name: \(Self.scalar(name))",
          "      value: \(JSONValue.number(value).text())",
        ]
      }
    }
    return lines.isEmpty
      ? [] : ["model-index:", "- name: \(Self.scalar(name))", "  results:"] + lines
  }

  /// The Hub's names of metrics.
  private static let hubMetrics = [
    "accuracy": "accuracy", "f1": "f1", "macroF1": "f1", "microF1": "f1",
    "matthews": "matthews_correlation", "pearson": "pearsonr", "spearman": "spearmanr",
    "mse": "mse", "perplexity": "perplexity", "bleu": "bleu",
  ]

  /// `text` as a YAML scalar, quoted unless it is a plain word.
  private static func scalar(_ text: String) -> String {
    let isPlain = text.wholeMatch(of: /[A-Za-z][A-Za-z0-9_.\/-]*/) != nil
    let isWord = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
      .contains(text.lowercased())
    return isPlain && !isWord ? text : JSONValue.string(text).text()
  }

  // MARK: - Text

  private var sections: [String] {
    var parts = ["# \(Self.inline(name))", introduction]
    if let labels = manifest.task.classes?.names {
      parts.append("Labels: " + labels.map { "`\(Self.inline($0))`" }.joined(separator: ", ") + ".")
    }
    parts += ["## Results", results, "## Use", use, "## Training", training]
    return parts
  }

  private var introduction: String {
    let (trainable, all) = manifest.counts
    let percent = String(format: "%.3g", manifest.trainablePercent)
    return "A model of the family `\(family)` for \(Self.task(manifest.task)), fine-tuned from "
      + "`\(Self.inline(baseName))` by `\(manifest.method.label)`. Of its "
      + "\(ReportText.grouped(all)) parameters, \(ReportText.grouped(trainable)) "
      + "(\(percent) %) were trained."
  }

  private static func task(_ task: any PredictionTask) -> String {
    type(of: task).name.replacing("-", with: " ")
  }

  private var results: String {
    guard !manifest.metrics.isEmpty else { return "The run has no evaluation data." }
    let (names, rows) = manifest.metricTable
    let rule = "|" + String(repeating: " --- |", count: names.count + 1)
    let lines = [Self.row([""] + names), rule] + rows.map(Self.row)
    let baseline = manifest.checks.baselineNote.map { ["", Self.sentence($0)] } ?? []
    let warnings = manifest.checks.warnings.flatMap { ["", Self.sentence($0)] }
    return (lines + baseline + warnings).joined(separator: "\n")
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.map(inline).joined(separator: " | ") + " |"
  }

  private static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + inline(String(text.dropFirst())) + "."
  }

  private var use: String {
    switch format {
    case .merged where manifest.task is any PairTask:
      return """
        ```python
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(\(Self.python(name)))
        embeddings = model.encode(["a text", "another one"])
        print(model.similarity(embeddings, embeddings))
        ```
        """
    case .merged:
      return """
        ```python
        from transformers import pipeline

        model = pipeline(\(Self.python(pipeline)), model=\(Self.python(name)))
        print(model("a text"))
        ```
        """
    case .peft:
      return """
        ```python
        from peft import PeftModel
        from transformers import \(autoClass)

        base = \(autoClass).from_pretrained(\(Self.python(baseName))\(classCount))
        model = PeftModel.from_pretrained(base, \(Self.python(name)))
        ```
        """
    case .onnx:
      return """
        ```python
        import onnxruntime
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(\(Self.python(name)))
        session = onnxruntime.InferenceSession(\(Self.python(name + "/model.onnx")))
        batch = tokenizer(["a text", "another one"], padding=True, return_tensors="np")
        names = {item.name for item in session.get_inputs()}
        print(session.run(None, {key: value for key, value in batch.items() if key in names})[0])
        ```
        """
    case .delta:
      return "The command `peft` reads it with the base model, which it recognises by SHA-256: "
        + "`peft apply` makes a model directory of both."
    }
  }

  private var autoClass: String {
    switch pipeline {
    case "token-classification": "AutoModelForTokenClassification"
    case "text-classification": "AutoModelForSequenceClassification"
    case "fill-mask": "AutoModelForMaskedLM"
    case "sentence-similarity": "AutoModel"
    default: "AutoModelForCausalLM"
    }
  }

  private var classCount: String {
    manifest.task is any PairTask
      ? ""
      : manifest.task.output(pooling: manifest.pooling).classCount.map { ", num_labels=\($0)" }
        ?? ""
  }

  private static func python(_ text: String) -> String { JSONValue.string(text).text() }

  private var training: String {
    let outcome = manifest.outcome
    var facts = [
      ("method", manifest.method.label),
      ("steps", "\(outcome.steps), the best after \(outcome.bestStep)"),
      ("seed", "\(manifest.seed)"), ("longest text", "\(manifest.maximumLength) tokens"),
    ]
    if let rate = manifest.summary["learningRate"]?.double {
      facts.insert(("learning rate", "\(rate)"), at: 1)
    }
    for split in ["train", "dev", "test"] {
      if let name = dataNames[split] { facts.append(("\(split) data", name)) }
    }
    facts.append(("made by", "peft \(EnvironmentReport.version)"))
    return
      ([Self.row(["setting", "value"]), "| --- | --- |"] + facts.map { Self.row([$0.0, $0.1]) })
      .joined(separator: "\n")
  }

  /// `text` on one line, without the marks that would end a cell or a code span.
  private static func inline(_ text: String) -> String {
    VisibleText.line(text).replacing("|", with: "\\|").replacing("`", with: "'")
  }
}
