"""Writes what LoRA-SB computes on the model of `bert`, from its formula.

Usage: python make_core_fixture.py   (same needs as make_method_fixtures.py; writes into methods/lora-sb)

D = -eta sign(G) for the gradient G of each weight; U, V are the first r singular vectors of D and R = diag(s) its
first r singular values. The layer computes W + U R V, and R trains, with the head.
"""
import shutil

import torch
from safetensors.torch import save_file
from torch import nn

from common import clean, gradients
from make_formula_fixtures import Adapted, merged
from make_method_fixtures import BERT, HERE, steps

RANK, RATE = 16, 5e-3
# In the highest layer only the first tokens have gradients, so that those of weights have few directions.
TARGETS = ["layer.0.attention.self.query", "layer.0.intermediate.dense", "layer.0.output.dense"]


class Core(Adapted):
    def __init__(self, layer, gradient):
        assert gradient.abs().min() > 1e-5 * gradient.abs().mean(), "a sign depends on rounding"
        u, s, v = torch.linalg.svd(-RATE * gradient.double().sign(), full_matrices=False)
        gaps = (s[:RANK] - s[1:RANK + 1]) / s[0]
        assert gaps.min() > 1e-3, "singular vectors depend on rounding"
        super().__init__(layer, core_R=s[:RANK].diag().float())
        self.up, self.down = u[:, :RANK].float(), v[:RANK].float()

    def effective(self, weight, bias):
        return weight + self.up @ self.core_R @ self.down, bias


def main():
    folder = HERE / "methods" / "lora-sb"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = BERT.model()
    model(**BERT.batch).loss.backward()
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and any(("." + name).endswith("." + t) for t in TARGETS):
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, Core(module, module.weight.grad))
    model.zero_grad()
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier.") or name.endswith("core_R")
    expected = {"mergedLogits": BERT.logits(merged(model)), "baseLogits": BERT.logits(BERT.model())}
    result = model(**BERT.batch)
    result.loss.backward()
    expected["logits"] = result.logits.detach().clone().contiguous()
    expected["loss"] = result.loss.detach().reshape(1).clone()
    expected.update({name.replace("core_R", "core_R.weight"): g for name, g in gradients(model).items()})
    expected["losses"] = steps(BERT, model, 1, 0.01)
    expected["trainedLogits"] = BERT.logits(model)
    save_file(expected, folder / "expected.safetensors")
    print({clean(n): tuple(q.shape) for n, q in model.named_parameters() if q.requires_grad})
    print(expected["losses"], (expected["logits"] - expected["baseLogits"]).abs().max())


if __name__ == "__main__":
    main()
