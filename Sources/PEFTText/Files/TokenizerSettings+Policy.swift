import PEFTRuntime

/// What each setting means for the classes that read vocabulary files. A table of them stands in
/// `TextAndIds.md`.
extension TokenizerSettings {
  /// Throws if a setting would change ids in a way that this package does not follow.
  ///
  /// A setting is honoured by the class, or known to change no ids, or may have only its usual
  /// value. Any other setting that is a Boolean or a string may change ids and is rejected.
  func check(_ kind: TokenizerClass) throws(FileError) {
    let unread = Self.unread(by: kind.table)
    for name in names {
      guard let setting = settings[name], setting.value != .null else { continue }
      if Self.honoured.contains(name) || Self.harmless.contains(name) || unread.contains(name)
        || Self.isToken(name, setting.value)
      {
        continue
      }
      if let usual = Self.usual[name] {
        guard usual.contains(setting.value) else {
          throw unsupported(
            name, "\(setting.value.text()) is not supported without a tokenizer.json")
        }
      } else if setting.value.bool != nil || setting.value.string != nil {
        throw unsupported(
          name, "the setting is not known, and \(setting.value.text()) may change the ids")
      }
    }
  }

  private func unsupported(_ name: String, _ reason: String) -> FileError {
    FileError(
      .unsupported, path: settings[name]?.path ?? "", place: name, reason: reason,
      remedy: "convert the tokenizer to a tokenizer.json with transformers and put that beside it, "
        + "or remove the setting if the model was trained without it")
  }

  /// The settings that the loading of a tokenizer reads itself.
  private static let honoured: Set = [
    "add_bos_token", "add_eos_token", "add_prefix_space", "added_tokens_decoder",
    "additional_special_tokens", "do_lower_case", "extra_special_tokens", "split_special_tokens",
    "strip_accents", "tokenize_chinese_chars", "tokenizer_class", "truncation_side",
  ]

  /// The settings that change no ids of a text.
  private static let harmless: Set = [
    "_commit_hash", "backend", "cache_dir", "chat_control_tokens", "chat_template",
    "clean_up_tokenization_spaces",
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", "errors",
    "fast_tokenizer_files", "files_loaded", "from_slow", "full_tokenizer_file", "is_local",
    "local_files_only", "max_len", "max_length", "merges_file", "model_input_names",
    "model_max_length", "model_type", "name_or_path", "pad_to_multiple_of", "pad_token_type_id",
    "padding", "padding_side", "processor_class", "response_schema", "response_template",
    "return_token_type_ids", "spaces_between_special_tokens", "special_tokens_map_file", "stride",
    "tokenizer_file", "tokenizer_type", "transformers_version", "trim_offsets", "truncation",
    "truncation_strategy", "use_default_system_prompt", "use_fast", "verbose", "vocab_file",
  ]

  /// The settings that may have only these values. Other values change ids, or are followed by some
  /// versions of transformers alone.
  private static let usual: [String: [JSONValue]] = [
    "auto_map": [.object([:])], "clean_text": [.bool(true)],
    "continuing_subword_prefix": [.string(""), .string("##")], "do_basic_tokenize": [.bool(true)],
    "dropout": [.integer(0), .number(0)], "end_of_word_suffix": [.string("")],
    "init_inputs": [.array([])], "keep_accents": [.bool(true)], "legacy": [.bool(true)],
    "never_split": [.array([])], "remove_space": [.bool(true)], "sp_model_kwargs": [.object([:])],
    "wordpieces_prefix": [.string("##")],
  ]

  /// The settings of other classes, which the classes that read `table` take without an effect.
  private static func unread(by table: TokenizerClass.Table) -> Set<String> {
    switch table {
    case .wordPiece: ["keep_accents", "legacy", "remove_space", "sp_model_kwargs"]
    case .byteLevel:
      [
        "clean_text", "do_basic_tokenize", "keep_accents", "legacy", "never_split", "remove_space",
        "sp_model_kwargs", "wordpieces_prefix",
      ]
    case .fairseq, .pieces: ["do_basic_tokenize", "never_split", "wordpieces_prefix", "clean_text"]
    }
  }
}
