"""Writes what transformers computes with SmolLM2-135M-Instruct, a published model of Llama's kind.

Usage: python make_published_fixtures.py DIR   (needs torch, transformers; writes smollm2.json beside itself)
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
torch.manual_seed(71)
ids = torch.randint(10, 49000, (1, 300))
rows = [0, 1, 20, 150, 299]
with torch.no_grad():
    logits = model(ids).logits[0, rows]
    written = model.generate(
        ids[:, :20], attention_mask=torch.ones_like(ids[:, :20]), do_sample=False,
        max_new_tokens=24, eos_token_id=None, pad_token_id=0)[0, 20:]
columns = list(range(0, 49152, 1024))
found = dict(ids=ids[0].tolist(), rows=rows, columns=columns,
             logits=[[round(x, 5) for x in row] for row in logits[:, columns].tolist()],
             written=written.tolist())
path = pathlib.Path(__file__).parent / "smollm2.json"
path.write_text("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in found.items()) + "\n}\n")
