"""Writes golden.json: the tokens and merges that PyPI's `tokenizers` learns from small texts.

    pip install tokenizers==0.23.3 && python make_fixtures.py

{"corpora": {name: [text, ...]}, "cases": [case, ...]} with a case {"name", "corpus",
"vocabularySize", "specialTokens", "minimumFrequency", "tokens", "merges": ["a b", ...]}, tokens in
the order of their ids.
"""

import json
import pathlib
import random

from tokenizers import ByteLevelBPETokenizer

ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
GPT2 = ["<|endoftext|>"]
WHITE = "\t\n\x0b\x0c\r\x1c \x85\u00a0\u1680\u2003\u2028\u202f\u3000"


def prose(rng):
    """Words of two to four syllables, few of them frequent, with what stands between words."""
    syllables = ["the", "ra", "ing", "lo", "sen", "ti", "on", "wer", "qu", "est", "'s", "d\u00e9"]
    syllables += ["gro", "mu", "va", "ch", "bel", "ight", "fy", "pu", "ox", "kin", "zar", "ul"]
    words = ["".join(rng.choices(syllables, k=rng.randrange(1, 4))) for _ in range(320)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    ends = rng.choices([" ", " ", " ", ", ", ". ", "\n", "\r\n\r\n", "  ", "'ll ", " 19"], k=1200)
    return "".join(word + end for word, end in zip(rng.choices(words, weights, k=1200), ends))


def odd(rng):
    """Repeated short stretches of characters from everywhere."""
    def scalar():
        ranges = [(0, 0x80), (0x80, 0x500), (0x500, 0xD800), (0xE000, 0x30000)]
        return rng.choice(WHITE) if rng.random() < 0.2 else chr(rng.randrange(*rng.choice(ranges)))

    stretches = ["".join(scalar() for _ in range(rng.randrange(1, 5))) for _ in range(40)]
    return "".join(rng.choices(stretches, k=400))


def case(name, corpora, corpus, size, special, minimum=2):
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        corpora[corpus], vocab_size=size, special_tokens=special, min_frequency=minimum,
        show_progress=False)
    model = json.loads(trained.to_str())["model"]
    return {
        "name": name, "corpus": corpus, "vocabularySize": size, "specialTokens": special,
        "minimumFrequency": minimum, "tokens": sorted(model["vocab"], key=model["vocab"].get),
        "merges": [" ".join(merge) for merge in model["merges"]],
    }


def main():
    rng = random.Random(19)
    text = prose(rng)
    ties = "".join(f" {a}{b}" for a in "dcba" for b in "zyxw") + "\u00b5\u00df \u00e9\u00ff\n" * 2
    corpora = {
        "prose": [text],
        "ties": [ties] * 2,
        "pairs": [ties[:48]],
        "runs": ["a" * n + " " + "ab" * n for n in range(1, 40)],
        "odd": [odd(rng), "", odd(rng)],
        "marked": [f"<s>{word}</s>" for word in text.split()[:300]],
        "nothing": [],
    }
    cases = [
        case("bytes alone", corpora, "prose", 261, ROBERTA),
        case("one merge", corpora, "prose", 258, GPT2),
        case("prose, 300", corpora, "prose", 300, GPT2),
        case("prose, 600", corpora, "prose", 600, ROBERTA),
        case("until no pair is left", corpora, "prose", 5000, [], 3),
        case("every count a tie", corpora, "ties", 330, GPT2),
        case("every pair once", corpora, "pairs", 330, [], 0),
        case("runs", corpora, "runs", 290, []),
        case("odd characters", corpora, "odd", 420, ROBERTA, 1),
        case("special tokens are merges too", corpora, "prose", 330, ["the", "\u0120", "on", "rara"]),
        case("special tokens in the text", corpora, "marked", 320, ROBERTA),
        case("no text", corpora, "nothing", 300, GPT2),
    ]
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps({"corpora": corpora, "cases": cases}) + "\n")


main()
