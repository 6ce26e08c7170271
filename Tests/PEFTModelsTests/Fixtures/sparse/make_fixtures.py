"""Writes which elements sparse methods choose, and what training them does, as PyTorch computes it.

Usage: python make_fixtures.py   (needs torch, transformers; reads ../parity/bert, writes beside itself)

Nothing here knows the package: masks are dense tensors of booleans, and Adam runs over whole tensors.
"""
import json
import pathlib

import torch
from transformers import BertForSequenceClassification

HERE = pathlib.Path(__file__).parent
MODEL = HERE.parent / "parity/bert"
INPUTS = json.loads((MODEL / "inputs.json").read_text())
BATCHES = [[0, 1, 2], [3, 4]]
STEPS, RATE, BETAS, EPSILON = 5, 1e-2, (0.9, 0.999), 1e-8


def load():
    return BertForSequenceClassification.from_pretrained(MODEL).eval()


def gradients(model, examples):
    """The gradients of the mean loss of some examples, and the loss."""
    width = max(len(INPUTS["sequences"][n]) for n in examples)

    def padded(rows):
        return torch.tensor([row + [0] * (width - len(row)) for row in rows])
    model.zero_grad()
    sequences = [INPUTS["sequences"][n] for n in examples]
    loss = model(
        input_ids=padded(sequences), attention_mask=padded([[1] * len(s) for s in sequences]),
        token_type_ids=padded([INPUTS["typeIDs"][n] for n in examples]),
        labels=torch.tensor([INPUTS["labels"][n] for n in examples])).loss
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}, loss.item()


def total(parts):
    return {name: sum(part[name] for part in parts) for name in parts[0]}


def is_head(name):
    return name.startswith("classifier")


def is_target(name):
    return name.endswith("weight") and not is_head(name) and all(
        word not in name for word in ("LayerNorm", "embeddings"))


def top(scores, count):
    """Masks of the `count` highest scores of all tensors; minus infinity is never chosen."""
    names = list(scores)
    flat = torch.cat([scores[name].reshape(-1) for name in names])
    chosen = torch.zeros_like(flat, dtype=torch.bool)
    chosen[torch.argsort(flat, descending=True, stable=True)[:count]] = True
    chosen &= flat > -torch.inf
    parts = torch.split(chosen, [scores[name].numel() for name in names])
    return {name: part.reshape(scores[name].shape) for name, part in zip(names, parts)}


def positions(masks):
    return {name: mask.reshape(-1).nonzero().reshape(-1).tolist()
            for name, mask in masks.items() if mask.any()}


def empty(model, rule):
    return {name: torch.zeros_like(p, dtype=torch.bool)
            for name, p in model.named_parameters() if rule(name)}


class MaskedAdam:
    """Adam whose gradients are masked. The state of an element that leaves the mask becomes zero."""

    def __init__(self, model, own):
        self.model, self.own, self.step_count = model, own, 0
        self.state = {name: [torch.zeros_like(p) for _ in range(3)]
                      for name, p in model.named_parameters()}

    @torch.no_grad()
    def step(self, gradients, masks):
        self.step_count += 1
        for name, p in self.model.named_parameters():
            mask = masks.get(name, torch.full_like(p, is_head(name), dtype=torch.bool))
            for tensor in self.state[name]:
                tensor[~mask] = 0
            mean, square, age = self.state[name]
            gradient = torch.where(mask, gradients[name], 0)
            age[mask] += 1
            mean.mul_(BETAS[0]).add_((1 - BETAS[0]) * gradient)
            square.mul_(BETAS[1]).add_((1 - BETAS[1]) * gradient ** 2)
            single = self.own and name in masks
            t = age.double() if single else torch.full_like(p, self.step_count).double()
            first, second = 1 - BETAS[0] ** t, 1 - BETAS[1] ** t
            update = (mean / first) / ((square / second).sqrt() + EPSILON)
            p -= torch.where(mask, RATE * update, 0).float()


def id3(strategy, age, share, exponent, epsilon):
    model = load()
    optimizer = MaskedAdam(model, age == "own")
    masks = empty(model, lambda name: not is_head(name))
    budget = round(share * sum(mask.numel() for mask in masks.values()))
    steps, ever = [], empty(model, lambda name: not is_head(name))
    for step in range(STEPS):
        g, loss = gradients(model, BATCHES[step % 2])
        count = {"increment": budget // STEPS + (step < budget % STEPS),
                 "static": budget if step == 0 else 0, "repeat": budget}[strategy]
        ratios = {}
        for name, p in model.named_parameters():
            if name in masks:
                ratio = g[name].abs() / (p.detach().abs() + epsilon) ** exponent
                taken = (ratio == 0) if strategy == "repeat" else masks[name] | (ratio == 0)
                ratios[name] = torch.where(taken, -torch.inf, ratio)
        chosen = top(ratios, count)
        for name in masks:
            masks[name] = chosen[name] if strategy == "repeat" else masks[name] | chosen[name]
            ever[name] |= masks[name]
        optimizer.step(g, masks)
        steps.append(dict(loss=loss, mask=positions(masks)))
    return dict(settings=dict(share=share, exponent=exponent, epsilon=epsilon, strategy=strategy,
                              age=age),
                steps=steps, trained=positions(ever), lastLoss=gradients(model, range(5))[1])


def salience(rule, model):
    """The salience of every element of the targets; the largest are chosen."""
    targets = {name: p.detach() for name, p in model.named_parameters() if is_target(name)}
    batches = [gradients(model, batch)[0] for batch in BATCHES]
    singles = [gradients(model, [n])[0] for batch in BATCHES for n in batch]
    g = total(batches)
    rules = {
        "gradient": lambda name, w: g[name].abs(),
        "smallest": lambda name, w: -w.abs(),
        "largest": lambda name, w: w.abs(),
        "snip": lambda name, w: (w * g[name]).abs(),
        "force": lambda name, w: -w * g[name],
        "fisher": lambda name, w: sum(part[name] ** 2 for part in singles),
        "spt": lambda name, w: sum(part[name] ** 2 for part in batches),
    }
    return {name: rules[rule](name, w) for name, w in targets.items()}


def speft(rule, count):
    scores = salience(rule, load())
    local = {name: top({name: score}, count)[name] for name, score in scores.items()}
    return dict(rule=rule, count=count, matrix=positions(local),
                **{"global": positions(top(scores, count * len(scores)))})


def dynamic(count, interval):
    """Elements chosen by the gradients of both batches, and again every `interval` steps."""
    model = load()
    optimizer = MaskedAdam(model, True)
    ever, steps = empty(model, is_target), []
    for step in range(STEPS):
        if step % interval == 0:
            scores = salience("gradient", model)
            masks = {name: top({name: score}, count)[name] for name, score in scores.items()}
        for name in masks:
            ever[name] |= masks[name]
        frozen = {name: torch.zeros_like(p, dtype=torch.bool)
                  for name, p in model.named_parameters() if not is_head(name)}
        g, loss = gradients(model, BATCHES[step % 2])
        optimizer.step(g, {**frozen, **masks})
        steps.append(dict(loss=loss, mask=positions(masks)))
    return dict(count=count, interval=interval, steps=steps, trained=positions(ever),
                lastLoss=gradients(model, range(5))[1])


def rocoft(rule, lines, count):
    model = load()
    g = total([gradients(model, batch)[0] for batch in BATCHES])
    found = {}
    for name, p in model.named_parameters():
        if is_target(name):
            matrix = (p.detach() if rule == "weight" else g[name]).double()
            norms = (matrix ** 2).sum(dim=1 if lines == "rows" else 0)
            found[name] = sorted(torch.argsort(norms, descending=True)[:count].tolist())
    return dict(rule=rule, lines=lines, count=count, found=found)


def main():
    cases = [("increment", "global", 1.0, 1e-8), ("increment", "own", 1.0, 0.1),
             ("increment", "global", 0.0, 1e-3), ("static", "global", 1.0, 0.1),
             ("repeat", "global", 0.5, 0.1), ("repeat", "own", 1.0, 1.0)]
    document = dict(
        rate=RATE, batches=BATCHES,
        id3=[id3(strategy, age, 0.003, exponent, epsilon)
             for strategy, age, exponent, epsilon in cases],
        speft=[speft(rule, 5) for rule in
               ["gradient", "smallest", "largest", "snip", "force", "fisher", "spt"]],
        dynamic=dynamic(4, 2),
        rocoft=[rocoft(rule, lines, 3) for rule in ("weight", "gradient")
                for lines in ("rows", "columns")])
    (HERE / "expected.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
