"""Writes golden.json, charsmap.txt and codepoints.json: small tokenizers of every component, and
what PyPI's `tokenizers` makes of odd texts and of 20,000 code points.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf && python make_fixtures.py

name -> {"files": {name: content}, "models": {name: base64}, "cases": [[text, pair, maximum, ids, types]],
"words": [[words, maximum, ids, word_ids]], "decodes": [[ids, text]]}. `@CHARSMAP@` in a file stands for
the content of charsmap.txt, the table nmt_nfkc as SentencePiece compiled it. Decodes are of ids
without special tokens other than the unknown one. Types are 0 where a file says no template.
"""

import base64
import hashlib
import io
import itertools
import json
import pathlib
import random
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tokenizer"))
import make_fixtures as small  # noqa: E402

CORPUS = small.CORPUS.split("\n")[:3] * 4 + [
    "A stirring film about a town, its tower and 1999 people: don't miss it!",
    "\u00c9t\u00e9 \u00e0 la plage, na\u00efve fa\u00e7ade; \u00fcber Stra\u00dfe, \u0130stanbul.",
    "\u043d\u043e\u0432\u044b\u0439 \u0433\u043e\u0440\u043e\u0434 \u0438 \u0440\u0435\u043a\u0430",
    "\u4e2d\u6587\u6587\u672c \u6587\u5b57 \u30ab\u30bf\u30ab\u30ca \u3072\u3089\u304c\u306a \ud55c\uae00",
    "the film is 12 years old and costs 345 dollars, 6789 in all",
] * 3
HARD = [
    "", " ", "   ", "\n", "a", " a", "a ", "  two  blanks   here    ", "tab\tand\r\nline\n\nends\n",
    "caf\u00e9 cafe\u0301 \u212b \ufb01lm \u2460\u00bd\u2122", "\uff26\uff55\uff4c\uff4c\u3000\uff57\uff49\uff44\uff54\uff48\uff01",
    "\u05e9\u05dc\u05d5\u05dd \u05e9\u05b8\u05dc\u05d5\u05b9\u05dd \u0645\u0631\u062d\u0628\u0627 \u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22\u0e33 \u1100\u1161\u11a8 \uac01", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea 1\ufe0f\u20e3 \U0001f44d\U0001f3fd",
    "\u0000\u0001\u007f\u0085\u200b\u200e\u00ad\ufeff\ufffd", "e\u0301\u0323\u0302 a\u030a\u0301 \u1e69 s\u0323\u0307 s\u0307\u0323",
    "''quoted'' ``words`` it's IT'S don't DON'T we'LL '\u017f", "\u2581word \u2581\u2581 x\u2581y", "12345 6 7,890.12 \u0661\u0662\u0663\u0664 \u2167\u00b2",
    "<s> </s> <unk><pad> <mask> [CLS] [SEP][MASK] <extra_id_0> <0x41>", "\u0130I\u0131i \u1e9e\u00df \u03a3\u03c3\u03c2",
    "a\u200db a\u200cb a\ufe0fb \u0600a \u0e33\u0e33", "\U0001d518\U0001d52b\U0001d526 \u2f00 \uf900 \u3392 \ufdfa \u2026", "x" * 70, "the " * 9, "\u00a0\u2003\u202f\u3000 n\u00a0b",
    "!?!?..\n\n  next\r\n\r\n \t\n x", "   \n  a\n b", "foo_bar newtok1 Newtok1,newtok1x plage Plage la-plage plages", "\U0001f600" * 3, "\u4e2d\u6587\U00020000\u0301",
]


def trained(kind, size, **more):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=out, vocab_size=size, model_type=kind, num_threads=1,
        hard_vocab_limit=False, minloglevel=2, **more)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(out.getvalue())
    return out.getvalue(), proto


def specials(tokenizer, names, **more):
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, **more) for name in names])


def template(tokenizer, single, pair):
    names = {word.split(":")[0] for word in (single + " " + pair).split() if not word.startswith("$")}
    return processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(name, tokenizer.token_to_id(name)) for name in sorted(names)])


def xlmr(vocabulary, charsmap):
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + vocabulary[3:] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    specials(tokenizer, ["<s>", "<pad>", "</s>", "<unk>"])
    specials(tokenizer, ["<mask>"], lstrip=True)
    tokenizer.post_processor = template(tokenizer, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
    return tokenizer


def camembert(vocabulary, charsmap):
    """As transformers 5 writes the tokenizers of XLM-R and CamemBERT, with CamemBERT's special tokens."""
    pieces = [("<s>NOTUSED", 0.0), ("<pad>", 0.0), ("</s>NOTUSED", 0.0), ("<unk>", 0.0), ("<unk>NOTUSED", -100.0)]
    pieces += [("<s>", 0.0), ("</s>", 0.0)] + vocabulary[3:] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always", split=True)])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    specials(tokenizer, ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"])
    specials(tokenizer, ["<mask>"], lstrip=True)
    tokenizer.post_processor = template(tokenizer, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
    return tokenizer


def code_points():
    """20,000: the first 13,000 from the space on, and every 17th after them; surrogates are left out."""
    dense = range(0x20, 0x20 + 13000)
    sparse = (point for point in range(dense.stop, 0x110000, 17) if not 0xD800 <= point < 0xE000)
    return [chr(point) for point, _ in zip(itertools.chain(dense, sparse), range(20000))]


def digests(tokenizer):
    """SHA-256 of the ids of every thousand code points: fifty texts of twenty, as lines of decimal numbers."""
    points, result = code_points(), []
    texts = [" ".join(f"a{c}b {c}" for c in points[i:i + 20]) for i in range(0, len(points), 20)]
    for start in range(0, len(texts), 50):
        lines = [" ".join(map(str, tokenizer.encode(text).ids)) for text in texts[start:start + 50]]
        result.append(hashlib.sha256("\n".join(lines).encode()).hexdigest())
    return result


def spaces(charsmap):
    return normalizers.Sequence([
        normalizers.Precompiled(charsmap), normalizers.Strip(left=False, right=True),
        normalizers.Replace(Regex(" {2,}"), "\u2581")])


def t5(vocabulary, charsmap):
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = spaces(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    specials(tokenizer, ["</s>", "<unk>", "<pad>"])
    if len(charsmap) > 10000:
        specials(tokenizer, ["<extra_id_0>", "<extra_id_1>"])
    tokenizer.post_processor = template(tokenizer, "$A </s>", "$A </s> $B </s>")
    return tokenizer


def albert(vocabulary, charsmap):
    pieces = [("<pad>", 0.0), ("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[MASK]", 0.0)] + vocabulary[3:]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=1, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(), normalizers.StripAccents(),
        normalizers.Lowercase(), normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    specials(tokenizer, ["<pad>", "<unk>", "[CLS]", "[SEP]"])
    specials(tokenizer, ["[MASK]"], lstrip=True)
    tokenizer.post_processor = template(tokenizer, "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1")
    return tokenizer


def byte_pieces():
    return [f"<0x{byte:02X}>" for byte in range(256)]


def llama_decoder(tokenizer):
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


def unigram_bytes(vocabulary, charsmap):
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)] + [(name, 0.0) for name in byte_pieces()] + vocabulary[3:]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Precompiled(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    llama_decoder(tokenizer)
    specials(tokenizer, ["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1")
    return tokenizer


def llama2(proto, fallback):
    names = [piece.piece for piece in proto.pieces]
    names = names[:3] + (byte_pieces() if fallback else []) + names[3:]
    ids = {name: index for index, name in enumerate(names)}
    scores = {piece.piece: piece.score for piece in proto.pieces}
    merges = []
    for name in names:
        for cut in range(1, len(name)):
            if name[:cut] in scores and name[cut:] in scores and not name.startswith("<"):
                merges.append((-scores[name], ids[name[:cut]], name[:cut], name[cut:]))
    tokenizer = Tokenizer(models.BPE(
        ids, [(left, right) for _, _, left, right in sorted(merges)], unk_token="<unk>", fuse_unk=True,
        byte_fallback=fallback))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    llama_decoder(tokenizer)
    specials(tokenizer, ["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1")
    return tokenizer


def byte_level(names, splitters, normalizer=None, **more):
    vocabulary, merges = small.trained_bpe(names)
    if more.get("ignore_merges"):
        for word in ["\u0120stirring", "\u0120film"]:
            vocabulary[word] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, **more))
    tokenizer.pre_tokenizer = splitters if not isinstance(splitters, list) else pre_tokenizers.Sequence(splitters)
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    specials(tokenizer, names)
    return tokenizer


def pattern(numbers):
    return Regex(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + numbers
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def smollm():
    return byte_level(
        ["<|endoftext|>", "<|im_start|>"],
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])


def llama3():
    names = ["<|begin_of_text|>", "<|end_of_text|>"]
    tokenizer = byte_level(names, [
        pre_tokenizers.Split(pattern(r"\p{N}{1,3}"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)], ignore_merges=True)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        template(tokenizer, f"{names[0]} $A", f"{names[0]} $A {names[0]}:1 $B:1")])
    return tokenizer


def qwen():
    return byte_level(["<|endoftext|>"], [
        pre_tokenizers.Split(pattern(r"\p{N}"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)], normalizers.NFC())


def uncased_roberta():
    tokenizer = byte_level(
        small.ROBERTA + ["<mask>"], pre_tokenizers.ByteLevel(add_prefix_space=True),
        normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def roberta():
    tokenizer = byte_level(small.ROBERTA + ["<mask>"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def mpnet():
    names = ["<s>", "<pad>", "</s>", "<unk>"] + small.word_pieces()[1:] + ["<mask>"]
    ids = {name: index for index, name in enumerate(names)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    specials(tokenizer, ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=True)])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer


def added_bert():
    ids = {name: index for index, name in enumerate(small.word_pieces())}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.BertNormalizer(lowercase=True)])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer()])
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    specials(tokenizer, small.BERT)
    tokenizer.add_tokens([
        AddedToken("newtok1", single_word=True, normalized=True), AddedToken("Town", normalized=True),
        AddedToken("low_er", rstrip=True, normalized=False), AddedToken("foo_", normalized=True),
        AddedToken("plage", single_word=True, normalized=False)])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def goldens(name, tokenizer, seed):
    rng = random.Random(seed)
    has_types = tokenizer.post_processor is not None
    least = tokenizer.num_special_tokens_to_add(True) + 1
    rows = [[text, None, None] for text in HARD + [small.random_text(rng) for _ in range(11)]]
    rows += [[small.random_text(rng), rng.choice([small.random_text(rng), "", "low film"]),
              rng.choice([None, least, least + 2, least + 9])] for _ in range(9)]
    rows += [[small.random_text(rng), None, rng.choice([least, least + 3])] for _ in range(4)]
    unknown = {"<unk>", "[UNK]"}
    # The reference decodes a normalized added token to its normalized form.
    left = {tokenizer.token_to_id(name) for name in small.MARKERS + ["Town", "<|begin_of_text|>", "<|end_of_text|>"]
            if name not in unknown}
    decodes = []
    for row in rows:
        tokenizer.no_truncation()
        if row[2] is not None:
            tokenizer.enable_truncation(row[2], strategy="longest_first")
        encoding = tokenizer.encode(row[0], row[1])
        row += [encoding.ids, encoding.type_ids if has_types else [0] * len(encoding.ids)]
        if row[1] is None and row[2] is None:
            ids = [index for index in encoding.ids if index not in left]
            decodes.append([ids, tokenizer.decode(ids, skip_special_tokens=False)])
    words = []
    for index in range(10):
        row = HARD[3 * index % len(HARD)].split() + small.random_text(rng).split(" ") + ["film", "", " town"]
        maximum = rng.choice([None, None, least + 3])
        tokenizer.no_truncation()
        if maximum is not None:
            tokenizer.enable_truncation(maximum)
        encoding = tokenizer.encode(row, is_pretokenized=True)
        words.append([row, maximum, encoding.ids, encoding.word_ids])
    tokenizer.no_truncation()
    return {"cases": rows, "words": words, "decodes": decodes}


def main():
    _, proto = trained("unigram", 300, character_coverage=0.98)
    vocabulary = [(piece.piece, piece.score) for piece in proto.pieces]
    # SentencePiece begins with <unk>, <s>, </s>.
    charsmap = proto.normalizer_spec.precompiled_charsmap
    text = base64.b64encode(charsmap).decode()
    (HERE / "charsmap.txt").write_text(text + "\n")
    t5_vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + vocabulary[3:]
    _, bpe = trained("bpe", 300, character_coverage=0.98, normalization_rule_name="identity")
    tokenizers = {
        "xlmr": xlmr(vocabulary, charsmap), "t5": t5(t5_vocabulary, charsmap), "albert": albert(vocabulary, charsmap),
        "unigram bytes": unigram_bytes(vocabulary, charsmap), "llama2": llama2(bpe, True), "bpe unknown": llama2(bpe, False),
        "smollm": smollm(), "llama3": llama3(), "qwen": qwen(), "uncased roberta": uncased_roberta(),
        "roberta": roberta(), "mpnet": mpnet(), "added bert": added_bert(),
        "camembert": camembert(vocabulary, charsmap),
    }
    points = {name: digests(tokenizers[name]) for name in ["xlmr", "camembert", "albert", "unigram bytes"]}
    (HERE / "codepoints.json").write_text(json.dumps(points, indent=0) + "\n")
    result = {}
    for seed, (name, tokenizer) in enumerate(tokenizers.items()):
        document = json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":"), ensure_ascii=False)
        result[name] = {"files": {"tokenizer.json": document.replace(text, "@CHARSMAP@")}}
        result[name] |= goldens(name, tokenizer, seed)

    # A model file with a small table of its own, as XLM-R's class reads it.
    rules = HERE / "rules.tsv"
    rules.write_text("41\t61\n42\t62\nE9\t65\n65 301\t65\nD A\t20\n9\t20\nFB01\t66 69\nAD\t\n")
    more = {"character_coverage": 0.98, "normalization_rule_tsv": str(rules)}
    for name, ids, build in [
            ("sentencepiece.bpe.model", {}, xlmr), ("spiece.model", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}, t5)]:
        _, proto = trained("unigram", 300, **more, **ids)
        charsmap = proto.normalizer_spec.precompiled_charsmap
        reference = build([(piece.piece, piece.score) for piece in proto.pieces], charsmap)
        reference.normalizer = spaces(charsmap)
        model = base64.b64encode(proto.SerializeToString()).decode()
        result[name] = {"files": {}, "models": {name: model}} | goldens(name, reference, len(name))
    rules.unlink()
    (HERE / "golden.json").write_text(json.dumps(result, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
