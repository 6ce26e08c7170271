import Foundation
import PEFTStudy
import PEFTTensor
import TestSupport
import Testing

@Suite("Commands of selection")
struct SelectionCommandTests {
  private static let quick = [
    "--direction-batches", "3", "--probe-batches", "3", "--head-steps", "5", "--batch-size", "8",
  ]

  private func probe(_ place: Workplace, to run: String, _ extra: String...) throws -> PEFTProcess {
    let (process, directory) = try PEFTProcess.start(
      [
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--output",
        run,
      ]
        + Self.quick + extra)
    return try PEFTProcess.finish(process, directory)
  }

  @Test("steps of all parameters before the first gradient change the slopes, and are recorded")
  func warmSteps() throws {
    let place = try Workplace()
    func slopes(_ extra: String...) throws -> (JSONValue, [Double], warmSteps: Int?) {
      let run = place.directory.path("run-\(extra.joined())")
      let (process, directory) = try PEFTProcess.start(
        [
          "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--json",
          "--output", run,
        ] + Self.quick + extra)
      let probed = try PEFTProcess.finish(process, directory)
      try #require(probed.status == 0, "\(probed.errors)")
      let document = try probed.document
      let groups = try #require(document["groups"]?.array)
      let written = try JSONValue(contentsOf: run + "/influence.json")
      return (
        try #require(written["settings"]), groups.compactMap { $0["slope"]?.double },
        written["cost"]?["warmSteps"]?.integer
      )
    }
    let (plain, before, noSteps) = try slopes()
    let (none, same, _) = try slopes("--warm-steps", "0")
    #expect(none == plain && same == before && noSteps == 0)
    let (settings, after, steps) = try slopes("--warm-steps", "3", "--warm-learning-rate", "1e-2")
    #expect(settings != plain && after.count == before.count && after != before && steps == 3)
    #expect(try slopes("--warm-steps", "3", "--warm-learning-rate", "1e-9").1 != after)
    #expect(
      try probe(place, to: place.directory.path("x"), "--warm-steps", "-1").errors.contains(
        "--warm-steps"))
  }

  @Test("probe, select, verify, train the plan, predict")
  func chain() throws {
    let place = try Workplace()
    let run = place.directory.path("probe")
    let probed = try probe(place, to: run, "--candidates", "lora:1,2", "--interactions", "--json")
    #expect(probed.status == 0, "\(probed.errors)")
    let groups = try #require(try probed.document["groups"]?.array)
    for key in [
      "slope", "slopeError", "curvature", "curvatureError", "value", "perParameterInfluence",
    ] {
      #expect(groups.allSatisfy { $0[key]?.double?.isFinite == true }, "\(key)")
    }
    #expect(groups.contains { $0["name"]?.string == "lora:2@layer.1.attention" })
    #expect(try probed.document["interactions"]?.array?.count == groups.count)

    let selected = try PEFTProcess.run("select", run, "--budget", "2%", "--json")
    #expect(selected.status == 0, "\(selected.errors)")
    let plan = try selected.document
    let weight = try #require(plan["weight"]?.integer)
    let budget = try #require(plan["budget"]?.integer)
    #expect(weight > 0 && weight <= budget && plan["proven"] == .bool(true))
    #expect(try PEFTProcess.run("verify", run).status == 0)
    let frontier = try String(contentsOfFile: run + "/frontier.csv", encoding: .utf8)
    #expect(frontier.split(separator: "\n").count > 3)

    let trained = place.directory.path("trained")
    let result = try place.train(
      "--plan", run + "/plan.json", "--group-rates", "--output", trained, "--steps", "30",
      "--batch-size", "16", "--learning-rate", "5e-3", "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try result.document["trainable"]?.integer == weight)
    let evaluated = try PEFTProcess.run("evaluate", trained, "--data", place.dev, "--json")
    #expect(evaluated.status == 0, "\(evaluated.errors)")
    #expect(
      try evaluated.document["metrics"]?["loss"]?.double
        == result.document["metrics"]?["loss"]?.double)

    let joint = try PEFTProcess.run("select", run, "--budget", "2%", "--interacting", "--json")
    #expect(joint.status == 0, "\(joint.errors)")
    #expect(try joint.document["interaction"]?["isObjective"] == .bool(true))
    #expect(try PEFTProcess.run("verify", run).status == 0)
  }

  @Test("how much is noise is said first, with advice that fits the data")
  func noise() throws {
    let place = try Workplace()
    let run = place.directory.path("noisy")
    // The labels have nothing to do with the texts.
    let rows = (0..<64).map { index in
      "\(["red", "green", "blue", "one"][index % 4]) good\t\((index * index * 31 + 17) % 7 < 3 ? "a" : "b")\n"
    }
    let noise = try place.directory.write(rows.joined(), to: "noise.tsv")
    func probe(_ run: String, _ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "probe", "--model", place.model, "--train", noise, "--pooling", "mean", "--output", run,
        ] + Self.quick + extra)
      return try PEFTProcess.finish(process, directory)
    }
    let probed = try probe(run)
    #expect(probed.status == 0, "\(probed.errors)")
    let groups = try #require(
      try JSONValue(contentsOf: run + "/influence.json")["groups"]?.array
    ).filter { $0["fixed"] == .bool(false) }
    let noisy = groups.count { $0["verdict"] == .string("uncertain") }
    #expect(noisy > 0)
    let note = "\(noisy) of \(groups.count) groups cannot be told from noise with "
    #expect(probed.output.hasPrefix(note), "\(probed.output)")
    // Of 8 batches, 3 define the direction; the lines of the note are joined.
    let advice = probed.output.split(separator: "\n").prefix(4).joined(separator: " ")
    #expect(
      advice.contains("--probe-batches 5 (all the data have) would cut"), "\(advice)")
    let few = try probe(place.directory.path("few"), "--batch-size", "16")
    #expect(
      few.output.split(separator: "\n").prefix(4).joined(separator: " ")
        .contains("The training data have no further batches to probe"), "\(few.output)")
    let selected = try PEFTProcess.run("select", run, "--budget", "2%")
    #expect(selected.output.hasPrefix(note), "\(selected.output)")
    #expect(!selected.output.contains("proven:"))
    #expect(try PEFTProcess.run("report", run).status == 0)
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    let (first, answer) = (page.range(of: note), page.range(of: "this is proven for the"))
    #expect(try #require(first).lowerBound < #require(answer).lowerBound)
  }

  @Test("rows are probed, selected, trained and read back as rows")
  func rows() throws {
    let place = try Workplace()
    let run = place.directory.path("rows")
    #expect(try probe(place, to: run, "--groups", "row").status == 0)
    let selected = try PEFTProcess.run("select", run, "--budget", "3000", "--json")
    let weight = try #require(try selected.document["weight"]?.integer)
    let trained = place.directory.path("trained")
    let result = try place.train(
      "--plan", run + "/plan.json", "--output", trained, "--steps", "5", "--json")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try result.document["trainable"]?.integer == weight)
    let names = try SafetensorsReader(path: trained + "/trained.safetensors").tensorNames
    #expect(names.contains { $0.hasSuffix(".rows") })
    let evaluated = try PEFTProcess.run("evaluate", trained, "--data", place.dev, "--json")
    #expect(
      try evaluated.document["metrics"]?["loss"]?.double
        == result.document["metrics"]?["loss"]?.double)
  }

  @Test("the gradient on its own batch: slopes are squared norms, like the predictors")
  func squaredNorms() throws {
    let place = try Workplace()
    let run = place.directory.path("same")
    let probed = try probe(
      place, to: run, "--direction", "gradient", "--probe-on", "same", "--json")
    for group in try #require(try probed.document["groups"]?.array) {
      let slope = try #require(group["slope"]?.double)
      let norm = try #require(group["predictors"]?["gradient-norm"]?.double)
      #expect(abs(slope - norm) <= 1e-4 * norm, "\(group["name"]?.string ?? "")")
    }
    #expect(try probed.document["value"] == .string("newton"))
  }

  @Test("the paper's fit writes the same file")
  func fit() throws {
    let place = try Workplace()
    let run = place.directory.path("fit")
    let probed = try probe(
      place, to: run, "--estimator", "fit", "--groups", "kind", "--probe-steps", "6", "--period",
      "2", "--aggregate", "sum", "--value", "newton", "--json")
    #expect(probed.status == 0, "\(probed.errors)")
    #expect(try probed.document["probes"]?.array?.count == 3)
    #expect(try PEFTProcess.run("select", run, "--budget", "20%").status == 0)
    let diverged = try probe(
      place, to: run + "-far", "--estimator", "fit", "--groups", "kind", "--probe-steps", "6",
      "--period", "2", "--probe-learning-rate", "1e30")
    #expect(
      diverged.status == 4 && diverged.errors.contains("--probe-learning-rate"),
      "\(diverged.status): \(diverged.errors)")
  }

  @Test("a probe in bf16 ranks groups like one in fp32")
  func precision() throws {
    let place = try Workplace()
    let runs = ["fp32", "bf16"].map { place.directory.path($0) }
    for run in runs {
      let name = URL(filePath: run).lastPathComponent
      #expect(try probe(place, to: run, "--precision", name, "--candidates", "lora:1").status == 0)
    }
    let found = try runs.map { try JSONValue(contentsOf: $0 + "/influence.json") }
    #expect(found[0]["groups"] != found[1]["groups"])
    #expect(found[1]["settings"]?["precision"] == .string("bf16"))
    let selected = try PEFTProcess.run(
      "select", runs[1], "--budget", "5%", "--against", runs[0], "--json")
    let tau = try #require(try selected.document["agreement"]?["kendall"]?.double)
    #expect(tau > 0.9, "\(tau)")
  }

  @Test("adapt does all steps, and compares")
  func adapt() throws {
    let place = try Workplace()
    let run = place.directory.path("adapt")
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--budget", "2%", "--baselines", "lora,head", "--steps", "10", "--seeds", "1,2",
        "--learning-rates", "1e-3,5e-3", "--candidates", "lora:1", "--output", run, "--json",
      ] + Self.quick)
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 0, "\(result.errors)")
    let methods = try #require(try result.document["comparison"]?["methods"]?.array)
    #expect(methods.count == 3 && methods[0]["name"] == .string("selection"))
    for method in methods { #expect(method["runs"]?.array?.count == 2) }
    #expect((methods[0]["probeSeconds"]?.double ?? 0) > 0)
    for name in [
      "influence.json", "plan.json", "frontier.csv", "comparison.json", "report.html", "run.json",
    ] {
      #expect(FileManager.default.fileExists(atPath: "\(run)/\(name)"), "\(name)")
    }
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(page.contains("<svg") && page.contains("selection") && !page.contains("http-equiv"))
    for part in [
      "training loss", "selected in", "How to reproduce it", "All groups that were measured",
    ] {
      #expect(page.contains(part), "\(part)")
    }
    // Another process regenerates it from the files alone.
    #expect(try PEFTProcess.run("report", run).status == 0)
    #expect(try String(contentsOfFile: run + "/report.html", encoding: .utf8) == page)
    let both = place.directory.path("both.html")
    let runs = ["1", "2"].map { run + "/methods/head/seed-" + $0 }
    #expect(try PEFTProcess.run("report", runs[0], runs[1], "--output", both).status == 0)
    let pair = try String(contentsOfFile: both, encoding: .utf8)
    #expect(pair.contains("seed-1") && pair.contains("seed-2") && !pair.contains("<script"))
    #expect(try PEFTProcess.run("report", runs[0], runs[1]).status == 2)
    #expect(try PEFTProcess.run("report", place.directory.path).status == 3)
    #expect(page.contains("Compared with the defaults"))
    // Both rates of the list were tried with every method.
    #expect(page.components(separatedBy: "0.005").count > 4, "\(page)")
    #expect(try PEFTProcess.run("predict", run, "--data", place.dev).status == 0)
    // Another selection must go to another directory, because a run was trained with the existing
    // plan.
    let beside = try PEFTProcess.run("select", run, "--budget", "5%")
    #expect(beside.status == 6 && beside.errors.contains("--output"), "\(beside.errors)")
    #expect(
      try PEFTProcess.run(
        "select", run, "--budget", "5%", "--output", place.directory.path("elsewhere")
      ).status == 0)
    #expect(try PEFTProcess.run("evaluate", runs[0], "--data", place.dev).status == 0)

    func again(_ extra: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--budget", "2%", "--baselines", "head", "--steps", "2", "--candidates", "lora:1",
          "--output", run,
        ] + Self.quick + extra)
      return try PEFTProcess.finish(process, directory)
    }
    #expect(try again().status == 6 && again("--reuse-probe").status == 6)
    // Another budget, or a goal, would replace what was trained here.
    func resumed(_ aim: String...) throws -> PEFTProcess {
      let (process, directory) = try PEFTProcess.start(
        [
          "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
          "mean", "--baselines", "lora,head", "--steps", "10", "--seeds", "1,2",
          "--learning-rates", "1e-3,5e-3", "--candidates", "lora:1", "--output", run, "--resume",
        ] + Self.quick + aim)
      return try PEFTProcess.finish(process, directory)
    }
    let plan = try Data(contentsOf: URL(filePath: run + "/plan.json"))
    for aim in [["--budget", "5%"], ["--goal", "50%-of-full"]] {
      let other = try resumed(aim[0], aim[1])
      #expect(other.status == 6 && other.errors.contains("a budget of"), "\(other.errors)")
      #expect(try Data(contentsOf: URL(filePath: run + "/plan.json")) == plan)
    }
    let same = try resumed("--budget", "2%")
    #expect(same.status == 0, "\(same.errors)")
    let twice = try again("--overwrite", "--baselines", "head,lora,head")
    #expect(twice.status == 2 && twice.errors.contains("--baselines head"), "\(twice.errors)")
    // Nothing is written into a directory in which another process works.
    let lock = try DirectoryLock(runs[1])
    let refused = try again("--overwrite")
    #expect(refused.status == 6 && refused.errors.contains("at work"), "\(refused.errors)")
    withExtendedLifetime(lock) {}
    #expect(FileManager.default.fileExists(atPath: run + "/influence.json"))
    #expect(try PEFTProcess.run("evaluate", run, "--data", place.dev).status == 0)
  }

  @Test("a last batch of one example leaves influences that can be read")
  func loneExample() throws {
    let place = try Workplace()
    let run = place.directory.path("probe")
    for (size, batches) in [("1", "2"), ("63", "1")] {
      let probed = try probe(
        place, to: run, "--batch-size", size, "--direction-batches", "1", "--probe-batches",
        batches, "--overwrite")
      #expect(probed.status == 0, "\(probed.errors)")
      let selected = try PEFTProcess.run("select", run, "--budget", "2%")
      #expect(selected.status == 0, "\(selected.errors)")
    }
  }

  @Test("too few batches are split between the direction and the probes, with a note")
  func fewBatches() throws {
    let place = try Workplace()
    func probe(batchSize: String) throws -> (batches: [JSONValue?], told: String) {
      let (process, directory) = try PEFTProcess.start([
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--output",
        place.directory.path("probe"), "--overwrite", "--head-steps", "2", "--batch-size",
        batchSize,
        "--json",
      ])
      let probed = try PEFTProcess.finish(process, directory)
      #expect(probed.status == 0, "\(probed.errors)")
      let cost = try probed.document["cost"]
      return ([cost?["directionBatches"], cost?["probeBatches"]], probed.errors)
    }
    // 24 and 16 batches are requested, but 64 texts give only 8 batches of 8.
    let parted = try probe(batchSize: "8")
    #expect(parted.batches == [.integer(24), .integer(3)])
    #expect(
      parted.told.contains(
        "8 batches: 5 define the direction, repeatedly, and the other 3 are probed"))
    let one = try probe(batchSize: "64")
    #expect(one.batches == [.integer(24), .integer(1)])
    #expect(one.told.contains("--batch-size"))
    #expect(try !probe(batchSize: "1").told.contains("batches:"))
  }

  @Test(
    "adapt weighs a selection of the default's kind against it, and shows the plan on the frontier's scale"
  )
  func adaptInteracting() throws {
    let place = try Workplace()
    let run = place.directory.path("adapt")
    let (process, directory) = try PEFTProcess.start(
      [
        "adapt", "--model", place.model, "--train", place.train, "--dev", place.dev, "--pooling",
        "mean", "--budget", "2%", "--baselines", "head", "--steps", "4", "--candidates", "lora:1,2",
        "--interactions", "--output", run, "--json",
      ] + Self.quick)
    let result = try PEFTProcess.finish(process, directory)
    #expect(result.status == 0, "\(result.errors)")
    let plan = try JSONValue(contentsOf: run + "/plan.json")
    #expect(plan["interaction"]?["isObjective"] == .bool(true))
    let anchor = try Anchor(#require(plan["anchor"]), path: run)
    #expect(anchor.name.hasPrefix("lora:") && anchor.candidates.contains { $0.name == "norm" })
    let weighed = try #require(anchor.candidates.first { $0.name == Anchor.selectionName })
    let adapted = try Plan.read(run)
    let head = adapted.groups.first { $0.group.isFixed }?.group.parameterCount ?? 0
    #expect(weighed.parameters > 0 && weighed.parameters + head <= adapted.budget)
    let trained = adapted.groups.filter { !$0.group.isFixed }
    #expect(trained.allSatisfy { $0.group.name.hasPrefix("lora:") })
    // Without a default, the selection may be of any kind, and its joint value is as large.
    let selected = try PEFTProcess.run(
      "select", run, "--budget", "2%", "--interacting", "--output", place.directory.path("again"),
      "--json")
    #expect(selected.status == 0, "\(selected.errors)")
    let value = try #require(try selected.document["value"]?.double)
    #expect(value >= adapted.value - 1e-12)
    let page = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(page.contains("How groups overlap"))
    // The joint value has no trust-region limit and no place on the frontier of sums.
    #expect(!page.contains("without a budget"))
    let read = try Plan.read(run)
    let sum = read.groups.filter { !$0.group.isFixed }.reduce(0) { $0 + $1.value }
    #expect(sum > 0 && read.frontierValue == sum && read.frontierValue != read.value)
  }

  @Test("a page shows a plan and the influences it was made from, by the plan's own rule")
  func pages() throws {
    let place = try Workplace()
    let run = place.directory.path("probe")
    #expect(try probe(place, to: run, "--interactions").status == 0)
    let selected = try PEFTProcess.run(
      "select", run, "--budget", "5%", "--value", "newton", "--json")
    #expect(selected.status == 0, "\(selected.errors)")
    let chosen = try #require(
      try selected.document["groups"]?.array?.first { $0["fixed"] == .bool(false) })
    func page() throws -> String {
      let made = try PEFTProcess.run("report", run)
      try #require(made.status == 0, "\(made.errors)")
      return try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    }
    let newton = try page()
    let value = String(format: "%.2e", try #require(chosen["value"]?.double))
    #expect(newton.contains(">newton<") && newton.contains(">\(value)<"))
    #expect(newton.contains("peft probe --model") && !newton.contains("peft report"))
    #expect(
      try PEFTProcess.run("select", run, "--budget", "5%", "--interacting").status == 0)
    #expect(try page().contains("selection of groups with a falling slope"))
    // Influences of other groups beside the plan.
    #expect(
      try probe(place, to: run + "-kinds", "--groups", "kind").status == 0)
    try FileManager.default.copyItem(
      atPath: run + "/plan.json", toPath: run + "-kinds/plan.json")
    let mixed = try PEFTProcess.run("report", run + "-kinds")
    #expect(mixed.status == 3 && mixed.errors.contains("plan.json"), "\(mixed.errors)")
    // A probe that replaces the directory also removes the plan.
    #expect(try probe(place, to: run, "--overwrite").status == 0)
    #expect(!FileManager.default.fileExists(atPath: run + "/plan.json"))
  }

  @Test("impossible settings are refused with their exit code")
  func refusals() throws {
    let place = try Workplace()
    let run = place.directory.path("probe")
    #expect(try probe(place, to: run).status == 0)
    #expect(try probe(place, to: run).status == 6)
    for (budget, word) in [("100", "at least"), ("120%", "nothing to choose")] {
      let result = try PEFTProcess.run("select", run, "--budget", budget)
      #expect(result.status == 2 && result.errors.contains(word), "\(result.errors)")
    }
    #expect(try PEFTProcess.run("select", run, "--budget", "0").status == 2)
    #expect(try PEFTProcess.run("select", run, "--budget", "1%", "--interacting").status == 2)
    for extra in [
      ["--interacting", "--time-limit", "3"], ["--interacting", "--value", "slope"],
      ["--interacting", "--solver", "exact"], ["--reach", "0.1"], ["--for", place.model],
    ] {
      let (process, directory) = try PEFTProcess.start(["select", run, "--budget", "5%"] + extra)
      let result = try PEFTProcess.finish(process, directory)
      #expect(result.status == 2 && result.errors.contains(extra[0]), "\(result.errors)")
    }
    #expect(try PEFTProcess.run("select", run, "--budget", "5%").status == 0)
    // Impossible settings are reported before the probe.
    for (extra, word) in [
      (["--candidates", "lora:1@qurey"], "qurey"),
      (["--settle-after", "2", "--budget", "100"], "at least"),
    ] {
      let (process, directory) = try PEFTProcess.start(
        ["probe", "--model", place.model, "--train", place.train, "--output", run + "-none"]
          + Self.quick + extra)
      let result = try PEFTProcess.finish(process, directory)
      #expect(result.status == 2 && result.errors.contains(word), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: run + "-none/influence.json"))
    }
    let poor = try PEFTProcess.run(
      "adapt", "--model", place.model, "--train", place.train, "--budget", "100", "--output",
      run + "-poor")
    #expect(poor.status == 2 && poor.errors.contains("at least"), "\(poor.errors)")
    #expect(!FileManager.default.fileExists(atPath: run + "-poor"))

    let plan = try String(contentsOfFile: run + "/plan.json", encoding: .utf8)
    let weight = try #require(try JSONValue(parsing: plan.utf8)["weight"]?.integer)
    let forged = try place.directory.write(
      plan.replacing("\"weight\": \(weight)", with: "\"weight\": \(weight - 1)"), to: "forged.json")
    let verified = try PEFTProcess.run("verify", forged)
    #expect(verified.status == 4 && verified.errors.contains("\(weight)"), "\(verified.errors)")
    let cut = try place.directory.write(String(plan.prefix(200)), to: "cut.json")
    #expect(try PEFTProcess.run("verify", cut).status == 3)

    let other = try Workplace()
    try SmallModel.write(to: other.model, texts: ["quite another vocabulary of words"])
    let ignored = try PEFTProcess.run(
      "train", "--model", place.model, "--train", place.train, "--dry-run", "--plan",
      run + "/plan.json", "--method", "lora", "--rank", "2")
    #expect(ignored.status == 2 && ignored.errors.contains("--method: --plan"))
    let stranger = try other.train("--plan", run + "/plan.json", "--dry-run")
    #expect(stranger.status == 3 && stranger.errors.contains("other weights"), "\(stranger.errors)")

    let overlap = try place.directory.write("a: \"*\"\nb: \"*.bias\"\n", to: "overlap.yaml")
    let grouped = try PEFTProcess.run(
      "inspect", place.model, "--pooling", "mean", "--groups", overlap)
    #expect(grouped.status == 2 && grouped.errors.contains("overlap"), "\(grouped.errors)")
    let named = try place.directory.write("all: \"*\"\n", to: "groups.yaml")
    #expect(try probe(place, to: run + "-named", "--groups", named).status == 0)
    #expect(try probe(place, to: run + "-named", "--groups", named, "--resume").status == 0)
    _ = try place.directory.write("every: \"*\"\n", to: "groups.yaml")
    let renamed = try probe(place, to: run + "-named", "--groups", named, "--resume")
    #expect(
      renamed.status == 3 && renamed.errors.contains("patterns"),
      "\(renamed.status): \(renamed.errors)")
    let list = try place.directory.write("- a\n", to: "list.yaml")
    #expect(
      try PEFTProcess.run("inspect", place.model, "--groups", list, "--pooling", "mean").status == 3
    )

    for text in ["", "a good text\tyes\nanother\tyes\n"] {
      let data = try place.directory.write(text, to: "poor.tsv")
      let (process, directory) = try PEFTProcess.start(
        ["probe", "--model", place.model, "--train", data, "--output", run + "-poor"] + Self.quick)
      #expect(try PEFTProcess.finish(process, directory).status == 3)
    }
  }

  @Test("a probe ended by a signal keeps its results")
  func interruption() throws {
    let place = try Workplace()
    let run = place.directory.path("probe")
    var result: PEFTProcess?
    // A busy machine may not finish its first probe in time; then there is nothing to keep.
    for seconds in [1.5, 5, 20] where result?.errors.contains("before the first") ?? true {
      let (process, directory) = try PEFTProcess.start([
        "probe", "--model", place.model, "--train", place.train, "--pooling", "mean", "--output",
        run, "--estimator", "fit", "--groups", "kind", "--head-steps", "2", "--probe-steps",
        "200000",
        "--period", "2", "--batch-size", "8",
      ])
      Thread.sleep(forTimeInterval: seconds)
      process.terminate()
      result = try PEFTProcess.finish(process, directory)
      #expect(result?.status == 5, "\(result?.errors ?? "")")
    }
    let influence = try JSONValue(contentsOf: run + "/influence.json")
    #expect(influence["complete"] == .bool(false))
    #expect((influence["cost"]?["probeBatches"]?.integer ?? 0) > 0)
    let selected = try PEFTProcess.run("select", run, "--budget", "5%")
    #expect(selected.status == 0 && selected.errors.contains("interrupted"))
  }
}
