"""Writes small random language models and what PyTorch, transformers and peft compute with them.

Usage: python make_language_fixtures.py   (same needs as make_fixtures.py; writes beside itself)
"""
import json
import pathlib

import torch
import torch.nn.functional as F
from peft import IA3Config, LoraConfig
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig, BertForMaskedLM, GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel,
    GPT2Model, RobertaConfig, RobertaForMaskedLM)

from common import SIZES, adapt, gradients, merged, padded, perturb, train

HERE = pathlib.Path(__file__).parent
LENGTHS = [9, 2, 17, 5, 6]
MASK = 4


def gpt2(kind, seed, **overrides):
    """A perturbed model of `kind`; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return perturb(kind(GPT2Config(**{
        **dict(vocab_size=120, n_embd=24, n_layer=2, n_head=3, n_positions=40,
               resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.25,
               bos_token_id=0, eos_token_id=0), **overrides})), seed)


def make_sequences():
    torch.manual_seed(21)
    return [torch.randint(5, 120, (n,)).tolist() for n in LENGTHS]


def make_batch(sequences, pad=0):
    return dict(input_ids=padded(sequences, pad),
                attention_mask=padded([[1] * len(row) for row in sequences], 0))


def folder_of(name, **inputs):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inputs.json").write_text(json.dumps(inputs))
    return folder


def packed(padded_rows):
    """[B, W, ...] -> [T, ...]: the real positions of every sequence, one after another."""
    return torch.cat([padded_rows[i, :n] for i, n in enumerate(LENGTHS)])


def save(folder, expected):
    save_file({name: value.detach().clone().contiguous() for name, value in expected.items()},
              folder / "expected.safetensors")


def rewrite_weights(folder, change):
    """Rewrites the saved weights as `change` returns them."""
    path = folder / "model.safetensors"
    weights = change(load_file(path))
    save_file({name: value.contiguous() for name, value in weights.items()}, path,
              metadata={"format": "pt"})


def next_token_losses(model, sequences):
    """One loss per target, packed: sequence b gives targets 1, ..., n_b - 1. Also the logits."""
    logits = model(**make_batch(sequences)).logits
    scores = torch.cat([logits[i, :n - 1] for i, n in enumerate(LENGTHS)])
    targets = torch.cat([torch.tensor(row[1:]) for row in sequences])
    return scores, targets, logits


def mean_next_token_loss(sequences, **options):
    def loss(model):
        scores, targets, _ = next_token_losses(model, sequences)
        return F.cross_entropy(scores, targets, **options)
    return loss


def language_record(folder, model, sequences, extra=None):
    model.train()
    loss_of = mean_next_token_loss(sequences)
    expected = dict(extra or {}, logits=packed(model(**make_batch(sequences)).logits))
    model.zero_grad()
    loss = loss_of(model)
    loss.backward()
    expected.update(loss=loss.reshape(1), **gradients(model))
    library = make_batch(sequences)
    library["labels"] = library["input_ids"].masked_fill(library["attention_mask"] == 0, -100)
    torch.testing.assert_close(model(**library).loss, loss)  # transformers' own definition
    model.zero_grad()
    expected["losses"] = train(model, loss_of)
    save(folder, expected)


def language():
    sequences = make_sequences()
    folder = folder_of("gpt2", sequences=sequences)
    model = gpt2(GPT2LMHeadModel, 31)
    model.save_pretrained(folder)
    scores, targets, _ = next_token_losses(model.train(), sequences)
    losses = F.cross_entropy(scores, targets, reduction="none")
    counted = torch.cat([torch.arange(1, n) >= (n + 1) // 2 for n in LENGTHS])
    smoothed = F.cross_entropy(scores, targets, label_smoothing=0.1)
    smoothed.backward()
    language_record(folder, model, sequences, dict(
        tokenLosses=losses, completionLoss=losses[counted].mean().reshape(1),
        smoothedLoss=smoothed.reshape(1),
        **{"smoothedGradient.transformer.wte.weight": model.transformer.wte.weight.grad.clone()}))


def biases():
    sequences = make_sequences()
    folder = folder_of("gpt2-bitfit", sequences=sequences)
    model = gpt2(GPT2LMHeadModel, 32)
    model.save_pretrained(folder)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.endswith(".bias")
    language_record(folder, model, sequences)


def adapter(name, config, seed):
    """`seed` of the model; the next one of the adapter's perturbation."""
    sequences = make_sequences()
    folder = folder_of(name, sequences=sequences)
    model = gpt2(GPT2LMHeadModel, seed)
    model.save_pretrained(folder)
    adapted = adapt(model, config, seed + 1, folder / "adapter")
    with torch.no_grad():
        logits = packed(merged(adapted)(**make_batch(sequences)).logits)
    language_record(folder, adapted, sequences, dict(mergedLogits=logits))


def classifier():
    sequences, labels = make_sequences(), [0, 2, 1, 1, 0]
    folder = folder_of("gpt2-classifier", sequences=sequences, labels=labels)
    model = gpt2(GPT2ForSequenceClassification, 35, num_labels=3, pad_token_id=0).train()
    model.save_pretrained(folder)
    batch = dict(make_batch(sequences, pad=0), labels=torch.tensor(labels))
    result = model(**batch)
    alone = torch.cat([model.score(model.transformer(torch.tensor([row])).last_hidden_state[:, -1])
                       for row in sequences])
    torch.testing.assert_close(result.logits, alone)  # read at the last real token
    result.loss.backward()
    expected = dict(logits=result.logits, loss=result.loss.reshape(1), **gradients(model))
    expected["losses"] = train(model, lambda model: model(**batch).loss)
    save(folder, expected)


def bare():
    sequences = make_sequences()
    folder = folder_of("gpt2-bare", sequences=sequences)
    model = gpt2(GPT2LMHeadModel, 36, n_inner=40, layer_norm_epsilon=1e-4,
                 activation_function="gelu_pytorch_tanh").eval()
    model.save_pretrained(folder)

    def publish(weights):
        published = {name.removeprefix("transformer."): value for name, value in weights.items()}
        mask = torch.ones(40, 40).tril().reshape(1, 1, 40, 40)
        published["h.0.attn.bias"], published["h.1.attn.bias"] = mask, mask.to(torch.uint8)
        return published

    rewrite_weights(folder, publish)
    with torch.no_grad():
        batch = make_batch(sequences)
        hidden = GPT2Model.from_pretrained(folder).eval()(**batch).last_hidden_state
        torch.testing.assert_close(hidden, model.transformer(**batch).last_hidden_state)
        save(folder, dict(hidden=packed(hidden), logits=packed(model(**batch).logits)))


def heads():
    """The same backbone with a head of its own, and with a stored copy of the embedding as head."""
    sequences = make_sequences()
    for name, tied in [("gpt2-untied", False), ("gpt2-tied-copy", True)]:
        folder = folder_of(name, sequences=sequences)
        model = gpt2(GPT2LMHeadModel, 37, n_layer=1, tie_word_embeddings=tied).eval()
        model.save_pretrained(folder)
        if tied:
            rewrite_weights(folder, lambda weights: {
                **weights, "lm_head.weight": weights["transformer.wte.weight"].clone()})
        stored = load_file(folder / "model.safetensors")
        assert tied == torch.equal(stored["lm_head.weight"], stored["transformer.wte.weight"])
        with torch.no_grad():
            loaded = GPT2LMHeadModel.from_pretrained(folder).eval()
            save(folder, dict(
                logits=packed(loaded(**make_batch(sequences)).logits),
                loss=mean_next_token_loss(sequences)(loaded).reshape(1)))


def masked(name, model, pad):
    sequences = make_sequences()
    starts = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    chosen = [(0, 0), (0, 4), (1, 1), (2, 3), (2, 9), (2, 16), (4, 2), (4, 5)]  # none in one sequence
    rows, labels = [], []
    for index, (b, j) in enumerate(chosen):
        rows.append(starts[b] + j)
        labels.append(sequences[b][j])
        if index % 4 == 1:
            sequences[b][j] = 77   # replaced by another token
        elif index % 4 != 3:
            sequences[b][j] = MASK  # and every fourth stays as it is
    folder = folder_of(name, sequences=sequences, rows=rows, labels=labels)
    model.train().save_pretrained(folder)
    batch, targets = make_batch(sequences, pad), torch.tensor(labels)

    def scores(model):
        return packed(model(**batch).logits)[rows]

    def loss_of(model):
        return F.cross_entropy(scores(model), targets)

    logits = scores(model)
    loss = F.cross_entropy(logits, targets)
    loss.backward()
    expected = dict(logits=logits, loss=loss.reshape(1), **gradients(model))
    expected["losses"] = train(model, loss_of)
    save(folder, expected)


def masked_models():
    torch.manual_seed(41)
    masked("bert-mlm", perturb(BertForMaskedLM(
        BertConfig(**SIZES, max_position_embeddings=40)), 41), pad=0)
    torch.manual_seed(42)
    masked("roberta-mlm", perturb(RobertaForMaskedLM(RobertaConfig(
        **SIZES, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1)), 42), pad=1)


if __name__ == "__main__":
    language()
    biases()
    adapter("gpt2-lora", LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["c_attn", "c_fc"],
        fan_in_fan_out=True, task_type="CAUSAL_LM"), 33)
    adapter("gpt2-ia3", IA3Config(fan_in_fan_out=True, task_type="CAUSAL_LM"), 43)  # PEFT's layers
    adapter("gpt2-dora", LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["c_attn", "c_fc"],
        fan_in_fan_out=True, use_dora=True, task_type="CAUSAL_LM"), 45)
    classifier()
    bare()
    heads()
    masked_models()
