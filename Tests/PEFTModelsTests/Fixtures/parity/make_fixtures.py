"""Writes small random models and what PyTorch, transformers and peft compute with them.

Usage: python make_fixtures.py   (needs torch, transformers, peft, safetensors; writes beside itself)
"""
import json
import pathlib
import shutil

import torch
from peft import IA3Config, LoraConfig
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig, BertForSequenceClassification, BertModel, RobertaConfig,
    RobertaForSequenceClassification, get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup)

from common import SIZES, adapt, gradients, merged, padded, perturb, train

HERE = pathlib.Path(__file__).parent
LENGTHS = [9, 2, 17, 1, 6]


def bert(**overrides):
    return BertForSequenceClassification(
        BertConfig(**{**SIZES, "max_position_embeddings": 40, "num_labels": 3, **overrides}))


def roberta(**overrides):
    return RobertaForSequenceClassification(RobertaConfig(
        **{**SIZES, "max_position_embeddings": 42, "type_vocab_size": 1, "pad_token_id": 1,
           "num_labels": 3, **overrides}))


def make_batch(folder, pad, pairs, labels):
    torch.manual_seed(11)
    sequences = [torch.randint(5, 120, (n,)).tolist() for n in LENGTHS]
    types = [[0] * (n - n // 2) + [1 if pairs else 0] * (n // 2) for n in LENGTHS]
    batch = dict(
        input_ids=padded(sequences, pad),
        attention_mask=padded([[1] * n for n in LENGTHS], 0))
    if pairs:
        batch["token_type_ids"] = padded(types, 0)
    if labels is not None:
        batch["labels"] = torch.tensor(labels)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inputs.json").write_text(
        json.dumps(dict(sequences=sequences, typeIDs=types, labels=labels)))
    return batch


def record(folder, model, batch, steps=True, extra=None):
    model.train()
    result = model(**batch)
    result.loss.backward()
    expected = dict(extra or {})
    expected["logits"] = result.logits.detach().clone().contiguous()
    expected["loss"] = result.loss.detach().reshape(1).clone()
    expected.update(gradients(model))
    if steps:
        expected["losses"] = train(model, lambda model: model(**batch).loss)
    save_file(expected, folder / "expected.safetensors")
    load_file(folder / "expected.safetensors")


def case(name, model, seed, pad=0, pairs=False, labels=(0, 2, 1, 1, 0), rule=None, steps=True):
    folder = HERE / name
    batch = make_batch(folder, pad, pairs, list(labels))
    perturb(model, seed)
    model.save_pretrained(folder)
    if rule is not None:
        for parameter_name, parameter in model.named_parameters():
            parameter.requires_grad = rule(parameter_name) or parameter_name.startswith("classifier")
    record(folder, model, batch, steps)


def backbone():
    folder = HERE / "bert-backbone"
    batch = make_batch(folder, 0, False, None)
    model = perturb(BertModel(BertConfig(**{**SIZES, "max_position_embeddings": 40})), 3)
    model.save_pretrained(folder)
    with torch.no_grad():
        output = model.eval()(**batch)
    rows = [output.last_hidden_state[i, :n] for i, n in enumerate(LENGTHS)]
    save_file(
        dict(hidden=torch.cat(rows), pooled=output.pooler_output.contiguous(),
             mean=torch.stack([row.mean(0) for row in rows])),
        folder / "expected.safetensors")


def padding(name, model_class, pad):
    """Logits of texts that contain the padding token, by the model of another fixture."""
    model = model_class.from_pretrained(HERE / name).eval()
    torch.manual_seed(18)
    sequences = [torch.randint(5, 120, (n,)).tolist() for n in LENGTHS]
    for text, place in [(0, 3), (0, 4), (2, 0), (2, 9), (3, 0), (4, 5)]:
        sequences[text][place] = pad
    with torch.no_grad():
        logits = model(input_ids=padded(sequences, pad),
                       attention_mask=padded([[1] * n for n in LENGTHS], 0)).logits
    folder = HERE / f"{name}-padding"
    folder.mkdir(exist_ok=True)
    (folder / "inputs.json").write_text(json.dumps(dict(sequences=sequences)))
    save_file(dict(logits=logits.contiguous()), folder / "expected.safetensors")


def adapter(name, config, seed):
    """`seed` of the model; the next one of the adapter's perturbation."""
    folder = HERE / name
    batch = make_batch(folder, 0, True, [0, 2, 1, 1, 0])
    model = perturb(bert(), seed)
    model.save_pretrained(folder)
    adapted = adapt(model, config, seed + 1, folder / "adapter")
    with torch.no_grad():
        extra = dict(mergedLogits=merged(adapted)(**batch).logits.contiguous())
    record(folder, adapted, batch, extra=extra)


def sharded():
    folder = HERE / "bert-sharded"
    shutil.rmtree(folder, ignore_errors=True)
    model = BertForSequenceClassification.from_pretrained(HERE / "bert")
    model.save_pretrained(folder, max_shard_size="30KB")


def optimizers():
    torch.manual_seed(6)
    start, gradients = torch.randn(37), torch.randn(12, 37)
    expected = dict(start=start, gradients=gradients)
    for name, make in dict(
            adamw=lambda q: torch.optim.AdamW([q], lr=1e-2, weight_decay=0.01),
            sgd=lambda q: torch.optim.SGD([q], lr=1e-2, momentum=0.9, weight_decay=0.01)).items():
        parameter = torch.nn.Parameter(start.clone())
        optimizer, trajectory = make(parameter), []
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimizer.step()
            trajectory.append(parameter.detach().clone())
        expected[name] = torch.stack(trajectory)
    save_file(expected, HERE / "optimizers.safetensors")


case("bert", bert(), 1, pairs=True)
case("roberta", roberta(), 2, pad=1)
case("bert-regression", bert(num_labels=1, problem_type="regression"), 7, pairs=True,
     labels=(0.5, -1.25, 2.0, 0.0, 1.5))
case("bert-bitfit", bert(), 8, rule=lambda n: n.endswith("bias"))
case("roberta-norm", roberta(), 9, pad=1, rule=lambda n: "LayerNorm" in n)
case("roberta-head", roberta(), 10, pad=1, rule=lambda n: False)
case("bert-gelu-tanh", bert(hidden_act="gelu_new", layer_norm_eps=1e-5), 12, steps=False)
case("bert-relu", bert(hidden_act="relu", num_hidden_layers=1), 16, steps=False)
case("roberta-silu", roberta(hidden_act="swish", num_hidden_layers=1), 17, pad=1, steps=False)
padding("bert", BertForSequenceClassification, 0)
padding("roberta", RobertaForSequenceClassification, 1)
backbone()
adapter("bert-lora", LoraConfig(
    r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["query", "value"],
    task_type="SEQ_CLS"), 4)
sharded()
optimizers()
adapter("bert-ia3", IA3Config(task_type="SEQ_CLS"), 13)  # PEFT's own layers
adapter("bert-dora", LoraConfig(
    r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["query", "value"], use_dora=True,
    task_type="SEQ_CLS"), 15)
