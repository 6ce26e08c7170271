"""Writes small random classifiers of tokens and what PyTorch and transformers compute.

Usage: python make_token_fixtures.py   (same needs as make_fixtures.py; writes beside itself)
"""
import torch
from transformers import (
    BertConfig, BertForTokenClassification, GPT2ForTokenClassification, LlamaForTokenClassification,
    RobertaConfig, RobertaForTokenClassification)

from common import SIZES, gradients, perturb, train
from make_language_fixtures import (
    LENGTHS, folder_of, gpt2, make_batch, make_sequences, padded, save)
from make_llama_fixtures import llama

# Positions that are predicted in each sequence, as the first tokens of words would be; none in one.
POSITIONS = [[1, 2, 5, 7], [1], [0, 3, 4, 9, 16], [], [2, 5]]
CLASSES = 4


def record(name, model):
    sequences = make_sequences()
    torch.manual_seed(71)
    labels = [torch.randint(0, CLASSES, (len(row),)).tolist() for row in POSITIONS]
    starts = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    rows = [start + p for start, row in zip(starts, POSITIONS) for p in row]
    folder = folder_of(
        name, sequences=sequences, rows=rows, labels=[label for row in labels for label in row])
    model.train().save_pretrained(folder)
    targets = [[-100] * len(row) for row in sequences]
    for row, positions, found in zip(targets, POSITIONS, labels):
        for position, label in zip(positions, found):
            row[position] = label
    batch = dict(make_batch(sequences), labels=padded(targets, -100))
    result = model(**batch)
    chosen = torch.cat([result.logits[i, row] for i, row in enumerate(POSITIONS) if row])
    model.zero_grad()
    result.loss.backward()
    expected = dict(logits=chosen, loss=result.loss.reshape(1), **gradients(model))
    model.zero_grad()
    expected["losses"] = train(model, lambda model: model(**batch).loss)
    save(folder, expected)


def encoder(kind, config, seed, **overrides):
    torch.manual_seed(seed)
    sizes = {**SIZES, "num_hidden_layers": 1, **overrides}
    return perturb(kind(config(**sizes, num_labels=CLASSES, max_position_embeddings=40)), seed)


if __name__ == "__main__":
    record("bert-tags", encoder(BertForTokenClassification, BertConfig, 72, type_vocab_size=2))
    record("roberta-tags", encoder(
        RobertaForTokenClassification, RobertaConfig, 73, type_vocab_size=1, pad_token_id=1))
    record("gpt2-tags", gpt2(
        GPT2ForTokenClassification, 74, n_layer=1, num_labels=CLASSES, classifier_dropout=0.0))
    record("llama-tags", llama(
        LlamaForTokenClassification, 75, num_hidden_layers=1, num_labels=CLASSES,
        classifier_dropout=0.0))
