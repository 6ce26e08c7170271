"""Writes golden.json: small tokenizers as files, and what PyPI's `tokenizers` makes of odd texts.

    pip install tokenizers==0.23.3 && python make_fixtures.py

`tokenizers` maps file set -> {"files": {name: content}, "cases": [[text, pair, maximum, ids, types]]}.
Types of GPT-2 pairs are written as 0: that model has no token types.
"""

import json
import pathlib
import random
import tempfile

from tokenizers import AddedToken, BertWordPieceTokenizer, ByteLevelBPETokenizer, Tokenizer
from tokenizers import normalizers, models, pre_tokenizers, processors

CORPUS = """the lower the newest widest tower, and the low town's slow show: it's 1999, isn't it?
they'll say we've won the wordy world's word; I'm sure you'd swear they're there. new newer newest
caf\u00e9 na\u00efve fa\u00e7ade \u00fcber \u03b1\u03b2\u03b3 \u0438 \u043d\u043e\u0432\u044b\u0439 \u4e2d\u6587 \U0001f600\U0001f600  hello hello   world\n"""
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MARKERS = ROBERTA + BERT + ["<mask>", "<|endoftext|>"]
WHITE = [9, 10, 11, 12, 13, 0x20, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x202F, 0x3000]
ODD = [0, 1, 0x1F, 0x7F, 0xAD, 0x130, 0x131, 0x1E9E, 0x3A3, 0x3C2, 0xFB01, 0x200B, 0x200D, 0xFEFF, 0xFFFD]
ODD += [0x1734, 0x1885, 0xA9BD, 0x111C9, 0x166D, 0x2F800, 0x212B, 0xAC00, 0x1D15E, 0xE000, 0x10FFFF]


def trained_bpe(specials):
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator([CORPUS] * 4, vocab_size=256 + len(specials) + 90, special_tokens=specials)
    model = json.loads(trained.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def word_pieces():
    words = ["the", "low", "new", "town", "hello", "world", "cafe", "caf\u00e9", "ss", "\u03c3"]
    tails = ["er", "est", "s", "y", "wer", "\u00e9", "\u0301", "lo", "\u03c2"]
    single = list("abcdefghilmnorstuwvyABCHL0129'.,;:!?-[]<>\u00e9\u03b1\u03b2\u4e2d\u6587\U0001f600")
    pieces = BERT + single + words + ["##" + piece for piece in single[:20] + tails]
    return list(dict.fromkeys(pieces))


def random_text(rng):
    def scalar():
        kind = rng.random()
        if kind < 0.3:
            return chr(rng.randrange(0x20, 0x7F))
        if kind < 0.45:
            return chr(rng.choice(WHITE))
        if kind < 0.6:
            return chr(rng.choice(ODD))
        if kind < 0.75:
            return chr(rng.randrange(0xA0, 0x500))
        if kind < 0.9:
            return chr(rng.randrange(0x500, 0xD800))
        return chr(rng.randrange(0xE000, 0x30000))

    parts = []
    for _ in range(rng.randrange(1, 7)):
        kind = rng.random()
        if kind < 0.35:
            parts.append("".join(scalar() for _ in range(rng.randrange(1, 5))))
        elif kind < 0.7:
            parts.append(rng.choice(CORPUS.split(" ")) + rng.choice(["", " ", "  ", "\n"]))
        elif kind < 0.78:
            parts.append(rng.choice(["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'LL", "'"]))
        elif kind < 0.86:
            parts.append(rng.choice(MARKERS))
        elif kind < 0.93:
            parts.append(rng.choice("ae\u03b1\u00e9 ") * rng.randrange(1, 25))
        else:
            parts.append("e" + "".join(chr(rng.randrange(0x300, 0x370)) for _ in range(3)))
    return "".join(parts)


def cases(tokenizer, seed, has_types=True):
    rng = random.Random(seed)
    least = tokenizer.num_special_tokens_to_add(True) + 1
    rows = [["", None, None], ["", "", None], ["low", "", None], ["", "low", least]]
    rows += [[random_text(rng), None, None] for _ in range(45)]
    for _ in range(30):
        pair = random_text(rng) if rng.random() < 0.8 else None
        rows.append([random_text(rng), pair, rng.choice([least, least + 1, least + 2, rng.randrange(least, 40)])])
    for row in rows:
        tokenizer.no_truncation()
        if row[2] is not None:
            tokenizer.enable_truncation(row[2], strategy="longest_first")
        encoding = tokenizer.encode(row[0], row[1])
        row += [encoding.ids, encoding.type_ids if has_types else [0] * len(encoding.ids)]
    return rows


def merges_text(merges):
    return "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges)


def main():
    folder = pathlib.Path(tempfile.mkdtemp())
    result = {}

    vocabulary, merges = trained_bpe(ROBERTA)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text(merges_text(merges))
    reference = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))._tokenizer
    reference.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    files = {name: (folder / name).read_text() for name in ["vocab.json", "merges.txt"]}
    result["roberta files"] = {"files": files, "cases": cases(reference, 1)}

    reference = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    reference.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    reference.add_special_tokens([AddedToken(token, normalized=False) for token in ROBERTA])
    reference.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    document = {"files": {"tokenizer.json": reference.to_str()}}
    result["roberta document"] = document | {"cases": cases(reference, 2)}

    vocabulary, merges = trained_bpe(["<|endoftext|>"])
    reference = Tokenizer(models.BPE(vocabulary, merges))
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    reference.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    document = {"files": {"tokenizer.json": reference.to_str()}}
    result["gpt2 document"] = document | {"cases": cases(reference, 3, has_types=False)}

    pieces = word_pieces()
    (folder / "vocab.txt").write_text("".join(piece + "\n" for piece in pieces))
    reference = BertWordPieceTokenizer(str(folder / "vocab.txt"), lowercase=True)._tokenizer
    files = {"vocab.txt": (folder / "vocab.txt").read_text()}
    result["bert files"] = {"files": files, "cases": cases(reference, 4)}

    ids = {piece: index for index, piece in enumerate(pieces)}
    reference = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=9))
    reference.normalizer = normalizers.BertNormalizer(lowercase=False)
    reference.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    reference.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    reference.add_special_tokens([AddedToken(token, normalized=False) for token in BERT[:4]])
    reference.add_special_tokens([AddedToken("[MASK]", rstrip=True, normalized=False)])
    document = {"files": {"tokenizer.json": reference.to_str()}}
    result["bert document"] = document | {"cases": cases(reference, 5)}

    target = pathlib.Path(__file__).with_name("golden.json")
    for entry in result.values():
        if "tokenizer.json" in entry["files"]:
            entry["files"]["tokenizer.json"] = json.dumps(
                json.loads(entry["files"]["tokenizer.json"]), separators=(",", ":"))
    target.write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
