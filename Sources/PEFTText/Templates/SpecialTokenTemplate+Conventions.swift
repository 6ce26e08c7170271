extension SpecialTokenTemplate {
  /// `<|endoftext|>` between texts, and no tokens around them.
  public static let gpt2 = SpecialTokenTemplate(end: "<|endoftext|>")

  /// `<s> a </s>` and `<s> a </s></s> b </s>`, with `<mask>` for a masked token.
  public static let roberta = SpecialTokenTemplate(
    begin: "<s>", end: "</s>", padding: "<pad>", unknown: "<unk>", mask: "<mask>",
    single: surrounded(by: "<s>", "</s>"),
    pair: surrounded(by: "<s>", "</s>") + [
      .special("</s>", type: 0), .second(type: 0), .special("</s>", type: 0),
    ])

  /// `[CLS] a [SEP] b [SEP]`, with token type 1 for the second text.
  public static let bert = SpecialTokenTemplate(
    begin: "[CLS]", end: "[SEP]", padding: "[PAD]", unknown: "[UNK]", mask: "[MASK]",
    single: surrounded(by: "[CLS]", "[SEP]"),
    pair: surrounded(by: "[CLS]", "[SEP]") + [.second(type: 1), .special("[SEP]", type: 1)])

  /// `<|begin_of_text|> a`, Llama 3's convention.
  public static let llama3 = SpecialTokenTemplate(
    begin: "<|begin_of_text|>", end: "<|end_of_text|>",
    single: [.special("<|begin_of_text|>", type: 0), .first(type: 0)],
    pair: [
      .special("<|begin_of_text|>", type: 0), .first(type: 0),
      .special("<|begin_of_text|>", type: 1), .second(type: 1),
    ])

  /// `<bos> a`, Gemma's convention.
  public static let gemma = SpecialTokenTemplate(
    begin: "<bos>", end: "<eos>", padding: "<pad>", unknown: "<unk>", mask: "<mask>",
    single: [.special("<bos>", type: 0), .first(type: 0)],
    pair: [
      .special("<bos>", type: 0), .first(type: 0), .special("<bos>", type: 1), .second(type: 1),
    ])

  /// `a </s>` and `a </s> b </s>`, T5's convention.
  public static let t5 = SpecialTokenTemplate(
    end: "</s>", padding: "<pad>", unknown: "<unk>",
    single: [.first(type: 0), .special("</s>", type: 0)],
    pair: [
      .first(type: 0), .special("</s>", type: 0), .second(type: 0), .special("</s>", type: 0),
    ])

  /// The known conventions, by which vocabularies are recognised: the first one whose begin and end
  /// tokens are both in the vocabulary applies.
  static let conventions: [SpecialTokenTemplate] = [.roberta, .bert, .gpt2, .llama3, .gemma, .t5]

  private static func surrounded(by begin: String, _ end: String) -> [Part] {
    [.special(begin, type: 0), .first(type: 0), .special(end, type: 0)]
  }
}
