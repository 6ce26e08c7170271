import Foundation
import PEFTTensor
import TestSupport
import Testing

/// Reads new data as a run read its training data, and prints predictions in every format.
@Suite("Predicting by command")
struct PredictionCommandTests {
  private let directory: TemporaryDirectory
  private let model: String
  /// A table like AG News': class, title, description; the class is in the title and the
  /// description together.
  private let train: String
  private let run: String

  init() throws {
    directory = try TemporaryDirectory()
    model = directory.path("model")
    train = try directory.write(Self.rows(0..<96), to: "train.csv")
    run = directory.path("run")
    try SmallModel.write(to: model, texts: ["good bad and red green blue number one two"])
    let trained = try PEFTProcess.run(
      "train", "--model", model, "--train", train, "--columns", "text=2+3,label=1", "--pooling",
      "mean", "--method", "full", "--learning-rate", "3e-3", "--steps", "40", "--batch-size", "16",
      "--output", run)
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.errors.contains("text = columns 2 + 3, label = column 1"))
  }

  private static func rows(_ numbers: Range<Int>) -> String {
    numbers.map { number in
      let word = number.isMultiple(of: 2) ? "good" : "bad"
      return "\(number.isMultiple(of: 2) ? 1 : 2),\"red, \(word)\",and \(word) number \(number)\n"
    }.joined()
  }

  private func predict(_ arguments: String..., input: String = "") throws -> PEFTProcess {
    let (process, place) = try PEFTProcess.start(["predict", run] + arguments, input: input)
    return try PEFTProcess.finish(process, place)
  }

  private static func objects(_ result: PEFTProcess) throws -> [JSONValue] {
    #expect(result.status == 0, "\(result.errors)")
    return try result.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
  }

  @Test("the columns of the training data are used again, and the recipe has them")
  func recordedColumns() throws {
    let dev = try directory.write(Self.rows(100..<110), to: "dev.csv")
    let evaluated = try PEFTProcess.run("evaluate", run, "--data", dev, "--json")
    #expect(try evaluated.document["metrics"]?["accuracy"]?.double == 1, "\(evaluated.errors)")
    #expect(evaluated.errors.contains("the columns are those of the training data"))
    let lines = try Self.objects(predict("--data", dev))
    #expect(
      lines.map { $0["label"]?.string } == (100..<110).map { $0.isMultiple(of: 2) ? "1" : "2" })
    #expect(lines[1]["text"]?.string == "red, bad and bad number 101")
    #expect(lines.map { $0["id"]?.integer } == Array(1...10))
    let recipe = try JSONValue(contentsOf: run + "/run.json")["recipe"]
    #expect(recipe?["columns"]?.text() == #"{"text":[2,3],"label":1}"#)
  }

  @Test("a file without the columns of the training data is read by its names, or refused")
  func otherColumns() throws {
    let lines = try directory.write(
      "{\"id\":\"x7\",\"text\":\"good one\"}\n{\"id\":\"x8\",\"text\":\"bad two\"}\n",
      to: "new.jsonl")
    let found = try predict("--data", lines)
    #expect(try Self.objects(found).map { $0["id"]?.string } == ["x7", "x8"])
    #expect(found.errors.contains("does not have the columns of the training data"))
    let one = try directory.write("good one\nbad two\n", to: "one.csv")
    #expect(try Self.objects(predict("--data", one)).map { $0["label"]?.string } == ["1", "2"])
    let two = try directory.write("red,good one\nred,bad two\n", to: "two.csv")
    let refused = try predict("--data", two)
    #expect(refused.status == 3 && refused.errors.contains("--columns"), "\(refused.errors)")
    #expect(refused.errors.contains("columns text=2+3,label=1"), "\(refused.errors)")
    let named = try predict("--data", two, "--columns", "text=1+2")
    #expect(try Self.objects(named)[0]["text"]?.string == "red good one")
    let pairs = try directory.write("text_a,text_b\nred,good\n", to: "pairs.csv")
    let wrong = try predict("--data", pairs)
    #expect(wrong.status == 3 && wrong.errors.contains("single texts"), "\(wrong.errors)")
  }

  @Test(
    "the format of the training data is used again; a file of another format is read by its name")
  func recordedFormat() throws {
    let named = directory.path("named")
    let data = try directory.write(Self.rows(0..<20), to: "train.dat")
    let trained = try PEFTProcess.run(
      "train", "--learning-rate", "1e-3", "--model", model, "--train", data, "--format", "csv",
      "--columns",
      "text=2+3,label=1", "--method", "head", "--steps", "1", "--pooling", "mean", "--output", named
    )
    #expect(trained.status == 0, "\(trained.errors)")
    func predict(_ path: String) throws -> PEFTProcess {
      try PEFTProcess.run("predict", named, "--data", path)
    }
    #expect(try Self.objects(predict(data)).count == 20)
    let lines = try directory.write("{\"text\":\"good one\"}\n", to: "lines.jsonl")
    #expect(try Self.objects(predict(lines)).map { $0["text"]?.string } == ["good one"])
    let wrong = try predict(directory.write("{\"text\":\"good one\"}\n", to: "lines.dat"))
    #expect(wrong.status == 3 && wrong.errors.contains("--format"), "\(wrong.errors)")
  }

  @Test("texts on the command line and on standard input")
  func texts() throws {
    let given = try Self.objects(predict("--text", "good, and", "--text", "bad"))
    #expect(given.map { $0["label"]?.string } == ["1", "2"])
    #expect(given.map { $0["text"]?.string } == ["good, and", "bad"])
    let piped = try Self.objects(predict("--data", "-", input: "good, and\nbad\n"))
    #expect(piped.map { $0["logits"] } == given.map { $0["logits"] })
    let json = try Self.objects(predict("--data", "-", input: "{\"text\":\"good, and\"}\n"))
    #expect(json.map { $0["logits"] } == given.prefix(1).map { $0["logits"] })
    let table = try Self.objects(
      predict(
        "--data", "/dev/stdin", "--format", "csv", "--columns", "text=2",
        input: "x,\"good, and\"\n"))
    #expect(table.map { $0["logits"] } == given.prefix(1).map { $0["logits"] })
    for (arguments, word) in [
      ([], "--data or --text"), (["--text", "a", "--data", "-"], "--data or --text"),
      (["--text", "a", "--pair", "b", "--pair", "c"], "--pair"),
      (["--text", "a", "--format", "csv"], "--format"),
    ] as [([String], String)] {
      let (process, place) = try PEFTProcess.start(["predict", run] + arguments)
      let refused = try PEFTProcess.finish(process, place)
      #expect(refused.status == 2 && refused.errors.contains(word), "\(refused.errors)")
    }
    let pair = try predict("--text", "a", "--pair", "b")
    #expect(pair.status == 3 && pair.errors.contains("single texts"), "\(pair.errors)")
  }

  @Test("tables have a column for every class, and the same numbers as JSON lines")
  func tables() throws {
    let arguments = ["--text", "good, \"red\"", "--text", "bad"]
    let lines = try Self.objects(predict(arguments[0], arguments[1], arguments[2], arguments[3]))
    let probabilities = lines.map { line in
      ["1", "2"].map { "\(line["probabilities"]?[$0]?.double ?? -1)" }
    }
    let csv = try predict("--text", arguments[1], "--text", "bad", "--output-format", "csv")
    #expect(
      csv.output == "id,text,label,1,2\n"
        + "1,\"good, \"\"red\"\"\",1,\(probabilities[0].joined(separator: ","))\n"
        + "2,bad,2,\(probabilities[1].joined(separator: ","))\n", "\(csv.errors)")
    let tsv = try predict("--text", "a\tb", "--output-format", "tsv")
    #expect(tsv.output.hasPrefix("id\ttext\tlabel\t1\t2\n1\ta b\t"), "\(tsv.output)")
  }

  @Test("a threshold moves answers and metrics, for two classes only")
  func threshold() throws {
    let line = try #require(Self.objects(predict("--text", "good bad")).first)
    let second = try #require(line["probabilities"]?["2"]?.double)
    let reached = try Self.objects(predict("--text", "good bad", "--threshold", "\(second)"))
    #expect(reached[0]["label"]?.string == "2" && reached[0]["logits"] == line["logits"])
    let missed = try Self.objects(
      predict("--text", "good bad", "--threshold", "\(second.nextUp)"))
    #expect(missed[0]["label"]?.string == "1")
    let dev = try directory.write(Self.rows(100..<110), to: "dev.csv")
    let all = try PEFTProcess.run(
      "evaluate", run, "--data", dev, "--threshold", "0", "--json")
    #expect(try all.document["metrics"]?["accuracy"]?.double == 0.5, "\(all.errors)")
    #expect(try predict("--text", "a", "--threshold", "2").status == 2)
  }

  @Test("a regression prints its values in every format, and has no threshold")
  func regression() throws {
    let scores = directory.path("scores")
    let rows = (0..<40).map { number in
      "sentence \(number)\tword \(number % 7)\t\(Double(number % 11) / 2)\n"
    }.joined()
    let data = try directory.write("text_a\ttext_b\tlabel\n" + rows, to: "scores.tsv")
    let trained = try PEFTProcess.run(
      "train", "--learning-rate", "1e-3", "--model", model, "--train", data, "--method", "head",
      "--steps", "2", "--pooling",
      "mean", "--output", scores)
    #expect(trained.status == 0, "\(trained.errors)")
    func predict(_ extra: String...) throws -> PEFTProcess {
      let (process, place) = try PEFTProcess.start(
        ["predict", scores, "--text", "a", "--pair", "b, c"] + extra)
      return try PEFTProcess.finish(process, place)
    }
    let line = try #require(Self.objects(predict()).first)
    #expect(line["text_a"]?.string == "a" && line["text_b"]?.string == "b, c")
    let value = try #require(line["value"]?.double)
    let csv = try predict("--output-format", "csv")
    #expect(csv.output == "id,text_a,text_b,value\n1,a,\"b, c\",\(value)\n")
    let refused = try predict("--threshold", "0.5")
    #expect(refused.status == 2 && refused.errors.contains("regression"), "\(refused.errors)")
    let single = try PEFTProcess.run("predict", scores, "--text", "a")
    #expect(single.status == 3 && single.errors.contains("pairs of texts"), "\(single.errors)")
  }

  @Test("tags are printed word by word in a table")
  func tags() throws {
    let tagger = directory.path("tagger")
    let data = try directory.write(
      (0..<20).map { _ in "good O\nred B-X\n\n" }.joined(), to: "tags.conll")
    let trained = try PEFTProcess.run(
      "train", "--model", model, "--train", data, "--method", "full", "--learning-rate", "5e-3",
      "--steps", "30", "--output", tagger)
    #expect(trained.status == 0, "\(trained.errors)")
    let csv = try PEFTProcess.run(
      "predict", tagger, "--text", "good  red", "--text", "red", "--output-format", "csv")
    #expect(csv.output == "id,word,tag\n1,good,O\n1,red,B-X\n2,red,B-X\n", "\(csv.errors)")
    let lines = try Self.objects(PEFTProcess.run("predict", tagger, "--text", "good red"))
    #expect(lines[0]["tags"]?.text() == #"["O","B-X"]"# && lines[0]["id"]?.integer == 1)
    #expect(lines[0]["text"] == nil)
  }
}
