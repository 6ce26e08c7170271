#!/usr/bin/env python3
"""Makes the tasks of the suites from public data sets: prepare.py DATA OUTPUT

DATA has sst2_stanford/{train,dev,test}.tsv (SST-2, sentences with their labels),
trec/TREC.{train,test} (questions of Li & Roth with their types) and e2e/{train,valid,test}.txt (the
E2E challenge: a meaning, two bars, a text). OUTPUT gets TASK/{train,dev,test}.tsv with a header,
and those of texts as .txt:

    sst2   text, label      sentences of film reviews: positive or not; as they are
    trec   text, label      questions: which of six types; 500 of the training questions become the
           dev data
    match  text_a, text_b, label    a meaning and a text: was the text written for it? In half of
           the pairs the meaning is that of another text. Short ones only.
    e2e    text_a, text_b, label    the same, harder: in half of the pairs one value of the meaning
           is another one of the same slot, which the text contradicts.

    texts  the meanings and texts of E2E as they are, for language models: as many of each split

In match and e2e, meanings of one split are in no other; each is used once for each of its texts
that are short.

Draws are functions of the constant SEED. Prints the lines and the SHA-256 of every file.
"""
import hashlib
import pathlib
import random
import sys

SEED = 20261121
E2E_SIZES = {"train": 4000, "dev": 400, "test": 1000}
# The longest meaning in slots and the longest text in words: short pairs, so that runs are.
E2E_SLOTS, E2E_WORDS = 6, 20


def write(path, header, rows):
    for row in rows:
        if any("\t" in cell or "\n" in cell for cell in row):
            raise SystemExit(f"{path}: a tab or line break inside a cell: {row}")
    put(path, "".join("\t".join(row) + "\n" for row in [header, *rows]), len(rows))


def put(path, text, count):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    print(f"{path.parent.name}/{path.name}  {count} rows  {hashlib.sha256(text.encode()).hexdigest()}")


def sst2(data, output):
    for split in ("train", "dev", "test"):
        lines = (data / "sst2_stanford" / f"{split}.tsv").read_text(encoding="utf-8").split("\n")
        write(output / "sst2" / f"{split}.tsv", ("text", "label"), [tuple(x.split("\t")) for x in lines if x])


def trec(data, output):
    def read(name):
        lines = (data / "trec" / name).read_text(encoding="latin-1").split("\n")
        pairs = [line.split(" ", 1) for line in lines if line]
        return [(text, label.split(":")[0]) for label, text in pairs]

    train = read("TREC.train")
    random.Random(SEED).shuffle(train)
    write(output / "trec" / "train.tsv", ("text", "label"), train[500:])
    write(output / "trec" / "dev.tsv", ("text", "label"), train[:500])
    write(output / "trec" / "test.tsv", ("text", "label"), read("TREC.test"))


def short_examples(data):
    """By split, pairs (meaning, text), and the values of each slot; no meaning of a split is in
    another."""
    files = {"test": "test.txt", "dev": "valid.txt", "train": "train.txt"}
    splits, values, seen = {}, {}, set()
    for split, name in files.items():
        texts = {}
        for line in (data / "e2e" / name).read_text(encoding="utf-8").split("\n"):
            if line:
                meaning, text = line.split("||")
                texts.setdefault(meaning, []).append(text.strip())
        for meaning in texts:
            for slot, value in slots(meaning):
                values.setdefault(slot, set()).add(value)
        examples = sorted((m, t) for m, ts in texts.items() if m not in seen for t in set(ts))
        splits[split] = [(m, t) for m, t in examples if len(t.split()) <= E2E_WORDS and len(slots(m)) <= E2E_SLOTS]
        seen |= texts.keys()
    return splits, values


def written(pairs):
    return " ; ".join(f"{slot} : {value}" for slot, value in pairs)


def match(data, output):
    splits, _ = short_examples(data)
    for split, examples in splits.items():
        draw = random.Random(f"{SEED} match {split}")
        rows = []
        for number, (meaning, text) in enumerate(draw.sample(examples, len(examples))):
            other = meaning
            while number % 2 == 1 and other == meaning:
                other = draw.choice(examples)[0]
            rows.append((written(slots(other)), text, "yes" if other == meaning else "no"))
        write(output / "match" / f"{split}.tsv", ("text_a", "text_b", "label"), rows[: E2E_SIZES[split]])


def e2e(data, output):
    splits, values = short_examples(data)
    for split, examples in splits.items():
        draw = random.Random(f"{SEED} {split}")
        rows = []
        for number, (meaning, reference) in enumerate(draw.sample(examples, len(examples))):
            pairs = slots(meaning)
            mismatch = number % 2 == 1
            if mismatch:
                # A value that the text repeats word for word, so that the text contradicts the
                # other one.
                said = [i for i, (slot, value) in enumerate(pairs) if value in reference and slot != "name"]
                if not said:
                    continue
                place = draw.choice(said)
                slot, value = pairs[place]
                pairs[place] = (slot, draw.choice(sorted(values[slot] - {value})))
            rows.append((written(pairs), reference, "no" if mismatch else "yes"))
        write(output / "e2e" / f"{split}.tsv", ("text_a", "text_b", "label"), rows[: E2E_SIZES[split]])


def texts(data, output):
    for split, name in {"train": "train.txt", "dev": "valid.txt", "test": "test.txt"}.items():
        lines = [line for line in (data / "e2e" / name).read_text(encoding="utf-8").split("\n") if line]
        drawn = random.Random(f"{SEED} texts {split}").sample(lines, E2E_SIZES[split])
        put(output / "texts" / f"{split}.txt", "".join(line + "\n" for line in drawn), len(drawn))


def slots(meaning):
    return [tuple(part.strip().split(" : ", 1)) for part in meaning.split(" | ")]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    for task in (sst2, trec, match, e2e, texts):
        task(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
