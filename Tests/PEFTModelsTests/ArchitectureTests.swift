import Foundation
import PEFTModels
import PEFTRuntime
import PEFTTensor
import Testing

@Suite("Architectures")
struct ArchitectureTests {
  /// A configuration from a model directory whose only file contains `text`.
  private func configuration(
    _ text: String, _ catalogue: ArchitectureCatalogue = .standard
  ) throws -> ModelConfiguration {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "peft-architecture-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    try Data(text.utf8).write(to: directory.appending(path: "config.json"))
    return try ModelConfiguration(
      files: ModelFiles(directory: directory.path), catalogue: catalogue)
  }

  private func text(_ fixture: String) throws -> String {
    let path = ParityFixture.root + "/\(fixture)/config.json"
    return try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test("every model type has one family, and an unknown one is refused with the known ones")
  func catalogue() throws {
    let types = ArchitectureCatalogue.standard.modelTypes
    #expect(
      types == [
        "bert", "roberta", "xlm-roberta", "camembert", "mpnet", "distilbert", "albert",
        "electra", "modernbert", "gpt2",
        "llama",
        "mistral", "qwen2", "qwen3",
      ])
    #expect(Set(types).count == types.count)
    for name in types {
      #expect(try configuration(text(name)).architectureName == name)
    }
    let foreign = #expect(throws: FileError.self) { try configuration("{\"model_type\":\"t5\"}") }
    #expect(foreign?.description.contains("gpt2, llama, mistral, qwen2 or qwen3") == true)
    #expect(foreign?.description.contains("nearest") == false)
    let few = ArchitectureCatalogue([GPT2Configuration.self])
    let absent = #expect(throws: FileError.self) { try configuration(text("llama"), few) }
    #expect(absent?.description.contains("use a model of type gpt2") == true)
    #expect(try configuration(text("gpt2"), few).architecture is GPT2Configuration)
  }

  @Test(
    "a configuration survives a round trip",
    arguments: [
      "bert-mlm", "roberta-mlm", "mpnet-mlm", "xlm-roberta-mlm", "camembert-mlm",
      "distilbert-mlm", "electra-mlm", "electra-discriminator", "albert-mlm",
      "modernbert-mlm", "gpt2", "llama",
      "llama-tied", "llama-scaled",
      "mistral", "qwen2", "qwen3",
    ])
  func written(fixture: String) throws {
    let model = try configuration(text(fixture))
    let again = try configuration(model.json.text())
    #expect(again == model && again.hashValue == model.hashValue)
    #expect(try configuration(text(fixture == "llama" ? "gpt2" : "llama")) != model)
  }

  @Test(
    "the sizes count the matrices",
    arguments: [
      "bert", "mpnet", "camembert", "distilbert-odd", "electra", "electra-wide", "albert",
      "albert-groups",
      "modernbert",
      "modernbert-odd", "gpt2",
      "gpt2-bare", "llama", "llama-tied", "llama-scaled",
      "qwen2", "qwen3",
    ])
  func sizes(fixture: String) throws {
    let model = TransformerModel(
      configuration: try configuration(text(fixture)), output: .vocabulary)
    let counted = model.parameters.reduce(0) { sum, entry in
      // The linear map of a masked language model belongs to its head.
      sum
        + (entry.parameter.shape.rank == 2 && entry.place != "predictions"
          ? entry.parameter.count : 0)
    }
    #expect(model.configuration.matrixElements == Double(counted))
  }

  @Test("a DistilBERT's classifier has a dropout of 0.2 if its configuration names none")
  func usualDropout() throws {
    let text = try text("distilbert")
    let without = text.replacing("\"seq_classif_dropout\": 0.0,", with: "")
    try #require(without != text)
    let parts = try #require(try configuration(without).architecture as? EncoderConfiguration)
    #expect(parts.classifierDropout == 0.2 && parts.epsilon == 1e-12 && parts.hiddenDropout == 0)
    #expect(parts.json["n_layers"]?.integer == 2 && parts.json["hidden_size"] == nil)
    #expect(parts.json["layer_norm_eps"] == nil && parts.json["type_vocab_size"] == nil)
  }

  @Test("a ModernBERT's layers are read in the spellings of transformers 4 and 5")
  func localLayers() throws {
    func model(_ fixture: String) throws -> ModernBERTConfiguration {
      try #require(try configuration(text(fixture)).architecture as? ModernBERTConfiguration)
    }
    let fifth = try model("modernbert")
    #expect(fifth.isLocal == [false, true, true, false] && fifth.window == 3)
    #expect(fifth.pooling == .mean && fifth.globalTheta == 160_000 && fifth.localTheta == 10_000)
    let odd = try model("modernbert-odd")
    #expect(odd.isLocal == [true, false] && odd.globalTheta == 500 && odd.localTheta == 20)
    #expect(odd.pooling == .first && odd.hasNormShift)
    let fourth = try model("modernbert-tags")
    #expect(fourth.isLocal == [false, true, false] && fourth.globalTheta == 160_000)
  }

  @Test(
    "a ModernBERT of another kind is refused",
    arguments: [
      ("\"sliding_attention\",", "\"linear_attention\",", "layer_types"),
      ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "layer_types"),
      ("\"rope_type\": \"default\"", "\"rope_type\": \"yarn\"", "rope_type"),
      ("_pooling\": \"cls\"", "_pooling\": \"max\"", "classifier_pooling"),
      ("\"num_attention_heads\": 5", "\"num_attention_heads\": 6", "num_attention_heads"),
      ("_embeddings\": true", "_embeddings\": false", "tie_word_embeddings"),
    ])
  func modern(old: String, new: String, place: String) throws {
    let plain = try text("modernbert-odd")
    let changed = plain.replacing(old, with: new)
    try #require(changed != plain)
    let error = #expect(throws: FileError.self) { try configuration(changed) }
    #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
  }

  @Test("an MPNet that transformers computes otherwise is refused")
  func relativePositions() throws {
    let plain = try text("mpnet")
    for (key, value, other) in [
      ("relative_attention_num_buckets", "32", "16"), ("pad_token_id", "1", "0"),
    ] {
      let changed = plain.replacing("\"\(key)\": \(value)", with: "\"\(key)\": \(other)")
      try #require(changed != plain)
      let error = #expect(throws: FileError.self) { try configuration(changed) }
      #expect(error?.description.contains(key) == true)
      #expect(error?.description.contains("only \(value)") == true)
    }
  }

  @Test(
    "a family that is not supported is refused with its nearest relative",
    arguments: [
      ("gemma2", "llama"), ("phi3", "llama"), ("mixtral", "mistral"), ("qwen3_moe", "qwen3"),
      ("gpt_neox", "gpt2"), ("funnel", "bert"), ("deberta-v2", "roberta"), ("xmod", "xlm-roberta"),
      ("eurobert", "modernbert"),
    ])
  func nearest(type: String, relative: String) throws {
    let text = "{\"model_type\":\"\(type)\"}"
    let error = #expect(throws: FileError.self) { try configuration(text) }
    let message = error?.description ?? ""
    #expect(
      message.contains("\"\(type)\"") && message.contains("the nearest to \(type) is \(relative)"))
    let few = ArchitectureCatalogue([
      relative == "gpt2" ? LlamaConfiguration.self : GPT2Configuration.self
    ])
    let fewer = #expect(throws: FileError.self) { try configuration(text, few) }
    #expect(fewer?.description.contains("nearest") == false)
  }

  @Test("relatives are not supported themselves, and are referred to a type of their family")
  func relatives() {
    let catalogue = ArchitectureCatalogue.standard
    var all: [String] = []
    for family in catalogue.families {
      #expect(Set(family.relatives.values).isSubset(of: family.modelTypes))
      all += family.relatives.keys
    }
    #expect(all.count > 50 && Set(all).count == all.count)
    #expect(Set(all).isDisjoint(with: catalogue.modelTypes))
  }

  @Test("the defaults of a Mistral and of Qwen are those of transformers")
  func defaults() throws {
    func model(_ type: String, _ more: String = "") throws -> LlamaConfiguration {
      let model = try configuration(
        """
        {"model_type":"\(type)","vocab_size":9,"hidden_size":64,"num_hidden_layers":1,
        "num_attention_heads":32,"intermediate_size":8,"max_position_embeddings":4096\(more)}
        """)
      return try #require(model.architecture as? LlamaConfiguration)
    }
    let mistral = try model("mistral", ",\"attention_bias\":true")
    #expect(mistral.keyValueHeadCount == 8 && !mistral.hasAttentionBias)
    let second = try model("qwen2", ",\"attention_bias\":false")
    #expect(second.keyValueHeadCount == 32 && second.headWidth == 2 && second.hasAttentionBias)
    let third = try model("qwen3", ",\"attention_bias\":true")
    #expect(third.keyValueHeadCount == 32 && third.headWidth == 128 && third.hasAttentionBias)
    #expect(try model("llama", ",\"head_dim\":null").keyValueHeadCount == 32)
    #expect(third.json.text().contains("\"head_dim\":128"))
  }

  @Test(
    "a model in which a token does not see all tokens before it is refused",
    arguments: [
      (
        "mistral", "\"sliding_window\": 40", "\"sliding_window\": 39",
        "set max_position_embeddings to 39"
      ),
      ("mistral", "_embeddings\": 40", "_embeddings\": 41", "set max_position_embeddings to 40"),
      ("qwen2", "_window\": false", "_window\": true", "use_sliding_window"),
      ("qwen3", "\"full_attention\"\n", "\"sliding_attention\"\n", "\"sliding_attention\""),
      ("qwen3", "\"full_attention\"\n", "3\n", "layer_types"),
    ])
  func windows(fixture: String, old: String, new: String, message: String) throws {
    let plain = try text(fixture)
    let changed = plain.replacing(old, with: new)
    try #require(changed != plain)
    let error = #expect(throws: FileError.self) { try configuration(changed) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("a Mistral without a window has none, and one that names none has 4096")
  func usualWindow() throws {
    func mistral(_ window: String) throws -> ModelConfiguration {
      try configuration(
        text("mistral").replacing("\"sliding_window\": 40,", with: window)
          .replacing("_embeddings\": 40", with: "_embeddings\": 5000"))
    }
    #expect(try mistral("\"sliding_window\": null,").maximumLength == 5000)
    let error = #expect(throws: FileError.self) { try mistral("") }
    #expect(error?.description.contains("4096") == true)
  }

  @Test("a Llama's rotary positions are read in the spellings of transformers 4 and 5")
  func rotary() throws {
    func llama(_ rotary: String) throws -> LlamaConfiguration {
      let sizes = """
        {"model_type":"llama","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,
        "num_attention_heads":2,"intermediate_size":8,"max_position_embeddings":16
        """
      let model = try configuration(sizes + (rotary.isEmpty ? "" : "," + rotary) + "}")
      return try #require(model.architecture as? LlamaConfiguration)
    }
    let scaled = """
      "rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,\
      "original_max_position_embeddings":8192
      """
    let expected = RotaryScaling(factor: 32, lowFactor: 1, highFactor: 4, firstPositions: 8192)
    #expect(try llama("").theta == 10_000)
    #expect(try llama("\"rope_theta\":5e5,\"rope_scaling\":null").theta == 5e5)
    #expect(try llama("\"rope_theta\":5e5,\"rope_scaling\":{\(scaled)}").scaling == expected)
    let fifth = try llama("\"rope_parameters\":{\(scaled),\"rope_theta\":5e5}")
    #expect(fifth.scaling == expected && fifth.theta == 5e5)
    let plain = "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":7.0}"
    #expect(try llama(plain).scaling == nil)
    #expect(try llama(plain).theta == 7)
    #expect(try llama("\"eos_token_id\":[3,5]").endID == 3)
    #expect(try llama("\"eos_token_id\":[]").endID == nil)
    let refused = [
      ("\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0}", "linear"),
      ("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2.0}", "yarn"),
      ("\"rope_scaling\":{\"rope_type\":\"llama3\"}", "rope_scaling.factor"),
      ("\"rope_parameters\":{\"rope_theta\":-1.0}", "rope_parameters.rope_theta"),
      ("\"rope_parameters\":{\"partial_rotary_factor\":0.5}", "partial_rotary_factor"),
      ("\"rope_parameters\":3", "rope_parameters"), ("\"hidden_act\":\"gelu\"", "hidden_act"),
      ("\"num_key_value_heads\":3", "num_key_value_heads"), ("\"head_dim\":3", "head_dim"),
      ("\"head_dim\":0", "head_dim"), ("\"pretraining_tp\":2", "pretraining_tp"),
      ("\"eos_token_id\":9", "eos_token_id"), ("\"mlp_bias\":1", "mlp_bias"),
      ("\"eos_token_id\":[-1]", "eos_token_id"),
    ]
    for (rotary, place) in refused {
      let error = #expect(throws: FileError.self, "\(rotary)") { try llama(rotary) }
      #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
    }
  }
}
