"""Writes small random MPNets and what PyTorch, transformers and peft compute with them.

Usage: python make_mpnet_fixtures.py   (same needs as make_fixtures.py; writes beside itself)
"""
import torch
from peft import LoraConfig
from transformers import (
    MPNetConfig, MPNetForMaskedLM, MPNetForSequenceClassification, MPNetForTokenClassification)

from common import SIZES, adapt, gradients, merged, padded, perturb, train
from make_language_fixtures import HERE, folder_of, masked, save
from make_token_fixtures import CLASSES, record

# The distances between tokens reach the last group of biases, which begins at 91, in one sequence,
# and some groups of several distances in another.
LENGTHS = [9, 2, 132, 1, 40]
LABELS = [0, 2, 1, 1, 0]


def mpnet(kind, seed, **overrides):
    """A perturbed model of `kind`; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return perturb(kind(MPNetConfig(
        **{**SIZES, "max_position_embeddings": 42, "layer_norm_eps": 1e-5, **overrides})), seed)


def classifier(seed, **overrides):
    return mpnet(MPNetForSequenceClassification, seed, num_labels=3,
                 max_position_embeddings=140, **overrides)


def make_batch(sequences):
    return dict(input_ids=padded(sequences, 1),
                attention_mask=padded([[1] * len(row) for row in sequences], 0))


def make_sequences(seed):
    torch.manual_seed(seed)
    return [torch.randint(5, 120, (n,)).tolist() for n in LENGTHS]


def classified(name, model, sequences, **extra):
    folder = folder_of(name, sequences=sequences, labels=LABELS)
    batch = dict(make_batch(sequences), labels=torch.tensor(LABELS))
    result = model.train()(**batch)
    result.loss.backward()
    expected = dict(logits=result.logits, loss=result.loss.reshape(1), **extra, **gradients(model))
    expected["losses"] = train(model, lambda model: model(**batch).loss)
    save(folder, expected)


def plain():
    sequences = make_sequences(81)
    model = classifier(82)
    model.save_pretrained(folder_of("mpnet"))
    classified("mpnet", model, sequences)


def padding():
    """Logits of texts that contain the padding token."""
    model = MPNetForSequenceClassification.from_pretrained(HERE / "mpnet").eval()
    sequences = make_sequences(83)
    for text, place in [(0, 3), (0, 4), (2, 0), (2, 9), (2, 100), (3, 0), (4, 5)]:
        sequences[text][place] = 1
    with torch.no_grad():
        logits = model(**make_batch(sequences)).logits
    save(folder_of("mpnet-padding", sequences=sequences), dict(logits=logits))


def low_rank():
    sequences = make_sequences(81)
    folder = folder_of("mpnet-lora")
    model = classifier(84, num_hidden_layers=1)
    model.save_pretrained(folder)
    adapted = adapt(model, LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["q", "v"], task_type="SEQ_CLS"),
        85, folder / "adapter")
    with torch.no_grad():
        logits = merged(adapted)(**make_batch(sequences)).logits
    classified("mpnet-lora", adapted, sequences, mergedLogits=logits)


if __name__ == "__main__":
    plain()
    padding()
    low_rank()
    masked("mpnet-mlm", mpnet(MPNetForMaskedLM, 86), pad=1)
    record("mpnet-tags", mpnet(
        MPNetForTokenClassification, 87, num_hidden_layers=1, num_labels=CLASSES))
