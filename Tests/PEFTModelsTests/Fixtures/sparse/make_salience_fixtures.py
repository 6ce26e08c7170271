"""Writes the saliences that need more than gradients, SynFlow and GRaSP, as PyTorch computes them.

Usage: python make_salience_fixtures.py   (needs torch, transformers; reads ../parity/bert, writes beside itself)

SynFlow: |dR/dW o W| where R is the sum of the logits of the network with |p| for every parameter p, with the identity
for every activation and for the softmax of attention, and with one token whose word embedding is a vector of ones.

GRaSP: W o H g with g = sum_b grad L_b and H = sum_b Hessian of L_b over all these weights, where the losses are cross
entropies of logits / 200. Automatic differentiation twice, in Float64.
"""
import json

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import BertForSequenceClassification

from make_fixtures import BATCHES, HERE, INPUTS, MODEL, is_target, positions, top

TEMPERATURE, COUNT = 200, 5


def load():
    # The attention that is written out, whose softmax can be replaced.
    return BertForSequenceClassification.from_pretrained(MODEL, attn_implementation="eager").eval().double()


def targets(model):
    return {name: p for name, p in model.named_parameters() if is_target(name)}


def synflow():
    model = load()
    with torch.no_grad():
        for p in model.parameters():
            p.abs_()
    for layer in model.bert.encoder.layer:
        layer.intermediate.intermediate_act_fn = nn.Identity()
    model.bert.pooler.activation = nn.Identity()
    softmax = nn.functional.softmax
    nn.functional.softmax = lambda x, **_: x
    try:
        model(inputs_embeds=torch.ones(1, 1, model.config.hidden_size, dtype=torch.float64)).logits.sum().backward()
    finally:
        nn.functional.softmax = softmax
    return {name: (p.grad * p).abs().detach() for name, p in targets(model).items()}


def loss(model, examples):
    width = max(len(INPUTS["sequences"][n]) for n in examples)

    def padded(rows):
        return torch.tensor([row + [0] * (width - len(row)) for row in rows])
    sequences = [INPUTS["sequences"][n] for n in examples]
    logits = model(
        input_ids=padded(sequences), attention_mask=padded([[1] * len(s) for s in sequences]),
        token_type_ids=padded([INPUTS["typeIDs"][n] for n in examples])).logits
    return nn.functional.cross_entropy(logits / TEMPERATURE, torch.tensor([INPUTS["labels"][n] for n in examples]))


def grasp():
    model = load()
    weights = targets(model)
    total = sum(loss(model, batch) for batch in BATCHES)
    g = torch.autograd.grad(total, list(weights.values()), create_graph=True)
    product = torch.autograd.grad(sum((x.detach() * x).sum() for x in g), list(weights.values()))
    return {name: (p * change).detach() for (name, p), change in zip(weights.items(), product)}


def margin(scores, count):
    """How far the last score that is chosen is above the next, relative to it."""
    ordered = torch.cat([score.reshape(-1) for score in scores.values()]).sort(descending=True).values
    return ((ordered[count - 1] - ordered[count]) / ordered[count - 1].abs()).item()


def main():
    document, tensors = [], {}
    for rule, scores in (("synflow", synflow()), ("grasp", grasp())):
        # What is chosen must not depend on rounding.
        margins = [margin({name: score}, COUNT) for name, score in scores.items()] + [margin(scores, COUNT * len(scores))]
        assert min(margins) > 5e-4, (rule, margins)
        local = {name: top({name: score}, COUNT)[name] for name, score in scores.items()}
        document.append({"rule": rule, "count": COUNT, "matrix": positions(local),
                         "global": positions(top(scores, COUNT * len(scores)))})
        tensors.update({f"{rule}.{name}": score.float().contiguous() for name, score in scores.items()})
    (HERE / "saliences.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
    save_file(tensors, HERE / "saliences.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
