"""Writes a small random classifier with any number of labels per text, and what transformers computes.

Usage: python make_multilabel_fixtures.py   (same needs as make_fixtures.py; writes beside itself)
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

from common import SIZES, gradients, padded, perturb, train

LENGTHS = [9, 2, 17, 1, 6]
SETS = [[], [0, 2], [1], [0, 1, 2, 3], [3]]

folder = pathlib.Path(__file__).parent / "bert-labels"
folder.mkdir(exist_ok=True)
torch.manual_seed(90)
sequences = [torch.randint(5, 120, (n,)).tolist() for n in LENGTHS]
(folder / "inputs.json").write_text(json.dumps(dict(sequences=sequences, labels=SETS)))
batch = dict(
    input_ids=padded(sequences, 0), attention_mask=padded([[1] * n for n in LENGTHS], 0),
    labels=torch.tensor([[1.0 if c in present else 0.0 for c in range(4)] for present in SETS]))
model = perturb(BertForSequenceClassification(BertConfig(
    **{**SIZES, "num_hidden_layers": 1, "max_position_embeddings": 40, "num_labels": 4,
       "problem_type": "multi_label_classification"})), 91)
model.train().save_pretrained(folder)
result = model(**batch)
result.loss.backward()
expected = dict(
    logits=result.logits.detach().clone().contiguous(), loss=result.loss.detach().reshape(1).clone(),
    **gradients(model))
expected["losses"] = train(model, lambda model: model(**batch).loss)
save_file(expected, folder / "expected.safetensors")
