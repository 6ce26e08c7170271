extension SpecialTokenTemplate {
  /// `<|endoftext|>` between texts, nothing around them.
  public static let gpt2 = SpecialTokenTemplate(end: "<|endoftext|>")

  /// `<s> a </s>` and `<s> a </s></s> b </s>`, and `<mask>` in place of a masked token.
  public static let roberta = SpecialTokenTemplate(
    begin: "<s>", end: "</s>", padding: "<pad>", unknown: "<unk>", mask: "<mask>",
    single: surrounded(by: "<s>", "</s>"),
    pair: surrounded(by: "<s>", "</s>") + [
      .special("</s>", type: 0), .second(type: 0), .special("</s>", type: 0),
    ])

  /// `[CLS] a [SEP] b [SEP]`, token type 1 in the second text.
  public static let bert = SpecialTokenTemplate(
    begin: "[CLS]", end: "[SEP]", padding: "[PAD]", unknown: "[UNK]", mask: "[MASK]",
    single: surrounded(by: "[CLS]", "[SEP]"),
    pair: surrounded(by: "[CLS]", "[SEP]") + [.second(type: 1), .special("[SEP]", type: 1)])

  /// `<|begin_of_text|> a`, as Llama 3 begins texts.
  public static let llama3 = SpecialTokenTemplate(
    begin: "<|begin_of_text|>", end: "<|end_of_text|>",
    single: [.special("<|begin_of_text|>", type: 0), .first(type: 0)],
    pair: [
      .special("<|begin_of_text|>", type: 0), .first(type: 0),
      .special("<|begin_of_text|>", type: 1), .second(type: 1),
    ])

  /// `<bos> a`, as Gemma begins texts.
  public static let gemma = SpecialTokenTemplate(
    begin: "<bos>", end: "<eos>", padding: "<pad>", unknown: "<unk>", mask: "<mask>",
    single: [.special("<bos>", type: 0), .first(type: 0)],
    pair: [
      .special("<bos>", type: 0), .first(type: 0), .special("<bos>", type: 1), .second(type: 1),
    ])

  /// `a </s>` and `a </s> b </s>`, as T5 ends texts.
  public static let t5 = SpecialTokenTemplate(
    end: "</s>", padding: "<pad>", unknown: "<unk>",
    single: [.first(type: 0), .special("</s>", type: 0)],
    pair: [
      .first(type: 0), .special("</s>", type: 0), .second(type: 0), .special("</s>", type: 0),
    ])

  /// By what their vocabularies are told apart: the first whose tokens that begin and end a text
  /// are both there.
  static let conventions: [SpecialTokenTemplate] = [.roberta, .bert, .gpt2, .llama3, .gemma, .t5]

  private static func surrounded(by begin: String, _ end: String) -> [Part] {
    [.special(begin, type: 0), .first(type: 0), .special(end, type: 0)]
  }
}
