/// A class of transformers that reads a tokenizer from vocabulary files.
struct TokenizerClass: Sendable {
  /// The kinds of vocabulary files.
  enum Table: Sendable {
    /// `vocab.txt`.
    case wordPiece
    /// `vocab.json` and `merges.txt`.
    case byteLevel
    /// `sentencepiece.bpe.model`.
    case fairseq
    /// `spiece.model`.
    case pieces
  }

  /// The special tokens that a class puts around a text.
  enum Layout: Sendable {
    /// `[CLS] a [SEP] b [SEP]`, with token type 1 for the second text.
    case bert
    /// `<s> a </s></s> b </s>`.
    case roberta
    /// None, unless the settings ask for them.
    case bare
    /// Those of a vocabulary whose class is not known.
    case convention(SpecialTokenTemplate)
  }

  /// The name without the ending `Fast`.
  let name: String
  /// The files that the class reads.
  let table: Table
  /// The special tokens around a text.
  let layout: Layout
  /// The usual special tokens, keyed by their roles in `tokenizer_config.json`.
  let tokens: [String: String]
  /// Whether `<mask>` absorbs the blanks before it, as in MPNet.
  var stripsBeforeMask = false
  /// Whether the usual special tokens are recognised in a text. They are not if only a byte-level
  /// vocabulary tells the class, as in the `ByteLevelBPETokenizer` of PyPI's `tokenizers`.
  var recognizesUsualTokens = true
  /// Whether the text is brought to Unicode's form NFC.
  var composesText = false
  /// Whether the text is split by Qwen's pattern instead of GPT-2's.
  var usesQwenPattern = false
}

extension TokenizerClass {
  /// The class called `name`, with or without the ending `Fast`; nil for a class that reads no
  /// vocabulary files or splits texts by rules that this package does not have.
  static func named(_ name: String) -> TokenizerClass? { known[stem(of: name)] }

  /// Whether the class called `name` reads its own files even if there is a `tokenizer.json`.
  static func readsOwnFiles(_ name: String) -> Bool { slow.contains(stem(of: name)) }

  /// Whether the class called `name` puts the same tokens around a text whatever the settings
  /// `add_bos_token` and `add_eos_token` say.
  static func fixesTokensAround(_ name: String) -> Bool {
    let stem = stem(of: name)
    if case .bare? = known[stem]?.layout { return false }
    return known[stem] != nil || fixed.contains(stem)
  }

  /// The name of the class that reads the tokenizer of a model whose configuration and settings do
  /// not name one; nil if only the vocabulary tells.
  static func usualName(ofModelType type: String) -> String? { usual[type] }

  /// The class whose special tokens a vocabulary has; nil if it has those of no known convention.
  static func conventional(_ vocabulary: Vocabulary, reading table: Table) -> TokenizerClass? {
    let convention = SpecialTokenTemplate.conventions.first { template in
      [template.begin, template.end].allSatisfy { token in
        token.map { vocabulary.id(of: $0) != nil } ?? true
      }
    }
    guard let convention else { return nil }
    if table == .wordPiece, convention == .bert { return known["BertTokenizer"] }
    if table == .byteLevel, convention == .roberta { return known["RobertaTokenizer"] }
    if table == .byteLevel, convention == .gpt2 { return known["GPT2Tokenizer"] }
    var tokens = table == .wordPiece ? bert : [:]
    for (role, token) in [
      ("bos_token", convention.begin), ("cls_token", convention.begin),
      ("eos_token", convention.end), ("sep_token", convention.end),
      ("pad_token", convention.padding), ("mask_token", convention.mask),
      ("unk_token", table == .wordPiece ? nil : convention.unknown),
    ] {
      if let token { tokens[role] = token }
    }
    return TokenizerClass(
      name: "the vocabulary", table: table, layout: .convention(convention), tokens: tokens)
  }

  private static func stem(of name: String) -> String {
    name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
  }

  private static let bert = [
    "unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]",
    "mask_token": "[MASK]",
  ]

  private static let roberta = [
    "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
    "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
  ]

  private static let gpt2 = [
    "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
  ]

  private static let known: [String: TokenizerClass] = {
    var classes: [TokenizerClass] = []
    for name in [
      "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer",
      "SqueezeBertTokenizer", "ConvBertTokenizer", "LayoutLMTokenizer", "LxmertTokenizer",
      "RetriBertTokenizer", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer",
    ] { classes.append(TokenizerClass(name: name, table: .wordPiece, layout: .bert, tokens: bert)) }
    for name in ["RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "LEDTokenizer"] {
      classes.append(
        TokenizerClass(name: name, table: .byteLevel, layout: .roberta, tokens: roberta))
    }
    for name in ["GPT2Tokenizer", "CodeGenTokenizer"] {
      classes.append(TokenizerClass(name: name, table: .byteLevel, layout: .bare, tokens: gpt2))
    }
    var mpnet = roberta
    mpnet["unk_token"] = "[UNK]"
    classes.append(
      TokenizerClass(
        name: "MPNetTokenizer", table: .wordPiece, layout: .roberta, tokens: mpnet,
        stripsBeforeMask: true))
    var padded = gpt2
    padded["pad_token"] = "<|padding|>"
    classes.append(
      TokenizerClass(
        name: "GPTNeoXTokenizer", table: .byteLevel, layout: .bare, tokens: padded,
        composesText: true))
    var qwen = gpt2
    qwen["bos_token"] = nil
    qwen["pad_token"] = "<|endoftext|>"
    classes.append(
      TokenizerClass(
        name: "Qwen2Tokenizer", table: .byteLevel, layout: .bare, tokens: qwen,
        composesText: true, usesQwenPattern: true))
    classes.append(
      TokenizerClass(
        name: "XLMRobertaTokenizer", table: .fairseq, layout: .roberta, tokens: roberta))
    let t5 = ["eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"]
    for name in ["T5Tokenizer", "MT5Tokenizer"] {
      classes.append(
        TokenizerClass(name: name, table: .pieces, layout: .convention(.t5), tokens: t5))
    }
    return Dictionary(uniqueKeysWithValues: classes.map { ($0.name, $0) })
  }()

  /// Classes without vocabulary files here whose tokens around a text do not depend on settings.
  private static let fixed: Set = [
    "AlbertTokenizer", "BigBirdTokenizer", "CamembertTokenizer", "DebertaTokenizer",
    "DebertaV2Tokenizer", "FunnelTokenizer", "HerbertTokenizer", "MBartTokenizer",
    "PegasusTokenizer", "RemBertTokenizer", "XLNetTokenizer",
  ]

  /// The classes of transformers that do not read a `tokenizer.json`.
  private static let slow: Set = [
    "BartphoTokenizer", "BertGenerationTokenizer", "BertJapaneseTokenizer", "BertTokenizerLegacy",
    "BertweetTokenizer", "BioGptTokenizer", "BlenderbotSmallTokenizer", "ByT5Tokenizer",
    "CTRLTokenizer", "CanineTokenizer", "ClvpTokenizer", "CpmAntTokenizer", "CpmTokenizer",
    "DiaTokenizer", "EsmTokenizer", "FSMTTokenizer", "FastSpeech2ConformerTokenizer",
    "FlaubertTokenizer", "GPTNeoXJapaneseTokenizer", "GPTSw3Tokenizer", "JukeboxTokenizer",
    "M2M100Tokenizer", "MarianTokenizer", "MgpstrTokenizer", "MyT5Tokenizer", "PLBartTokenizer",
    "PerceiverTokenizer", "PhobertTokenizer", "Pop2PianoTokenizer", "ProphetNetTokenizer",
    "RoCBertTokenizer", "SiglipTokenizer", "Speech2TextTokenizer", "SpeechT5Tokenizer",
    "TapasTokenizer", "TransfoXLTokenizer", "VitsTokenizer", "Wav2Vec2CTCTokenizer",
    "Wav2Vec2PhonemeCTCTokenizer", "Wav2Vec2Tokenizer", "XLMProphetNetTokenizer", "XLMTokenizer",
  ]

  private static let usual = [
    "bart": "BartTokenizer", "bert": "BertTokenizer", "codegen": "CodeGenTokenizer",
    "convbert": "ConvBertTokenizer", "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer", "gpt2": "GPT2Tokenizer", "gpt_neo": "GPT2Tokenizer",
    "gpt_neox": "GPTNeoXTokenizer", "longformer": "LongformerTokenizer",
    "mobilebert": "MobileBertTokenizer", "mpnet": "MPNetTokenizer", "mt5": "T5Tokenizer",
    "qwen2": "Qwen2Tokenizer", "qwen3": "Qwen2Tokenizer", "roberta": "RobertaTokenizer",
    "roberta-prelayernorm": "RobertaTokenizer", "t5": "T5Tokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
    // Families whose tokenizers this package does not have.
    "albert": "AlbertTokenizer", "barthez": "BarthezTokenizer",
    "bert-generation": "BertGenerationTokenizer", "bert-japanese": "BertJapaneseTokenizer",
    "bertweet": "BertweetTokenizer", "big_bird": "BigBirdTokenizer", "biogpt": "BioGptTokenizer",
    "blenderbot": "BlenderbotTokenizer", "blenderbot-small": "BlenderbotSmallTokenizer",
    "byt5": "ByT5Tokenizer", "camembert": "CamembertTokenizer", "canine": "CanineTokenizer",
    "clip": "CLIPTokenizer", "cpmant": "CpmAntTokenizer", "ctrl": "CTRLTokenizer",
    "deberta": "DebertaTokenizer", "deberta-v2": "DebertaV2Tokenizer", "esm": "EsmTokenizer",
    "flaubert": "FlaubertTokenizer", "fsmt": "FSMTTokenizer", "funnel": "FunnelTokenizer",
    "gpt_neox_japanese": "GPTNeoXJapaneseTokenizer", "herbert": "HerbertTokenizer",
    "layoutlmv2": "LayoutLMv2Tokenizer", "layoutlmv3": "LayoutLMv3Tokenizer",
    "luke": "LukeTokenizer", "m2m_100": "M2M100Tokenizer", "marian": "MarianTokenizer",
    "mbart": "MBartTokenizer", "openai-gpt": "OpenAIGPTTokenizer", "phobert": "PhobertTokenizer",
    "prophetnet": "ProphetNetTokenizer", "roc_bert": "RoCBertTokenizer",
    "roformer": "RoFormerTokenizer", "splinter": "SplinterTokenizer", "tapas": "TapasTokenizer",
    "transfo-xl": "TransfoXLTokenizer", "whisper": "WhisperTokenizer", "xglm": "XGLMTokenizer",
    "xlm": "XLMTokenizer", "xlnet": "XLNetTokenizer",
  ]
}
