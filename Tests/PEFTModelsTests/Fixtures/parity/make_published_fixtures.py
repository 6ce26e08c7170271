"""Writes what transformers computes with published models: smollm2.json or mpnet.json, beside itself.

Usage: python make_published_fixtures.py DIR   (needs torch, transformers)

DIR is the directory of SmolLM2-135M-Instruct or of all-mpnet-base-v2.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

TEXTS = [
    "", "A plain film.", "  Two   blanks, tabs\tand\nlines ", "Caf\u00e9 na\u00efve \u00c9t\u00e9 \u4e2d\u6587 \U0001f600!",
    "<s> a <mask> b</s> [UNK] <unk> <pad> [MASK]", "a <MASK>b  <mask>, antidisestablishmentarianism's", "x" * 120]


def numbers(rows):
    return [[round(x, 5) for x in row] for row in rows.tolist()]


def language(directory):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    torch.manual_seed(71)
    ids = torch.randint(10, 49000, (1, 300))
    rows, columns = [0, 1, 20, 150, 299], list(range(0, 49152, 1024))
    with torch.no_grad():
        logits = model(ids).logits[0, rows]
        written = model.generate(
            ids[:, :20], attention_mask=torch.ones_like(ids[:, :20]), do_sample=False,
            max_new_tokens=24, eos_token_id=None, pad_token_id=0)[0, 20:]
    tokenizer = AutoTokenizer.from_pretrained(directory)
    texts = TEXTS + ["<|im_start|>user\nIt's 12.5 %<|im_end|>\n", "def f(x):\n\treturn x**2  # \u00b2\u0664\r\n"]
    return dict(ids=ids[0].tolist(), rows=rows, columns=columns,
                logits=numbers(logits[:, columns]), written=written.tolist(),
                texts=texts, tokens=[tokenizer(text)["input_ids"] for text in texts])


def encoder(directory):
    model = AutoModel.from_pretrained(directory, dtype=torch.float32).eval()
    torch.manual_seed(88)
    ids = torch.randint(1000, 30000, (1, 300))
    rows, columns = [0, 1, 20, 150, 299], list(range(0, 768, 16))
    with torch.no_grad():
        hidden = model(ids).last_hidden_state[0, rows]
    tokenizer = AutoTokenizer.from_pretrained(directory)
    return dict(ids=ids[0].tolist(), rows=rows, columns=columns, hidden=numbers(hidden[:, columns]),
                texts=TEXTS, tokens=[tokenizer(text)["input_ids"] for text in TEXTS],
                pair=tokenizer(TEXTS[1], TEXTS[3])["input_ids"])


kind = json.loads(pathlib.Path(sys.argv[1], "config.json").read_text())["model_type"]
name, found = ("mpnet", encoder(sys.argv[1])) if kind == "mpnet" else ("smollm2", language(sys.argv[1]))
path = pathlib.Path(__file__).parent / f"{name}.json"
path.write_text("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in found.items()) + "\n}\n")
