"""Writes the gradients of gates and dimensions of a search as PyTorch differentiates them, and some steps of Adam.

Usage: python make_bipeft_fixture.py   (same needs as make_method_fixtures.py; writes methods/bipeft/expected.safetensors)

Written from the formulas alone; the reference code has no licence and was not used. Gates and dimensions are in the
forward pass here, and PyTorch differentiates them, where the search works with what the gradients of B and of vectors
imply.
"""
import shutil

import torch
from safetensors.torch import save_file

from make_method_fixtures import BERT, HERE

FOLDER = HERE / "methods" / "bipeft"
TARGETS, DIMENSIONS, SCALE, TEMPERATURE, ROUNDS = ("query", "intermediate.dense"), (1, 4, 8), 2.0, 2.5, 4


def choice(logits, noise):
    """A one-hot choice with the gradient of the softmax."""
    soft = torch.softmax((logits + noise) / TEMPERATURE, -1)
    hard = torch.nn.functional.one_hot(soft.argmax(), len(logits)).to(soft.dtype)
    return hard + soft - soft.detach()


class Module:
    def __init__(self, name, size):
        self.name = name
        self.gate, self.gate_noise = torch.randn(2), torch.randn(2)
        self.gate.requires_grad_()
        self.dimension, self.dimension_noise = torch.randn(3).requires_grad_(), torch.randn(3)
        self.size, self.weights = size, {}

    def add(self, name, *shape):
        self.weights[name] = (0.1 * torch.randn(shape)).requires_grad_()

    def on(self):
        return choice(self.gate, self.gate_noise)[1]

    def columns(self):
        chosen = choice(self.dimension, self.dimension_noise)
        return torch.stack([sum(chosen[k] for k, d in enumerate(DIMENSIONS) if d > j) for j in range(DIMENSIONS[-1])])


def hook(module):
    def change(_, inputs, output):
        a, b = module.weights["lora_A"], module.weights["lora_B"]
        return output + SCALE * module.on() * (inputs[0] @ a.T * module.columns()) @ b.T

    return change


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    torch.manual_seed(410)
    model = BERT.model()
    deltas, vectors = [], {}
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Linear) and name.endswith(TARGETS):
            module = Module(name, None)
            module.add("lora_A", DIMENSIONS[-1], layer.in_features)
            module.add("lora_B", layer.out_features, DIMENSIONS[-1])
            layer.register_forward_hook(hook(module))
            deltas.append(module)
    for name, value in model.named_parameters():
        if name.startswith("classifier") or not (name.endswith("bias") or "LayerNorm" in name):
            continue
        module = vectors.setdefault(name.rsplit(".", 1)[0] if "LayerNorm" in name else name, Module(name, 0))
        module.name = name.rsplit(".", 1)[0] if "LayerNorm" in name else name
        module.size += value.numel()
        module.add(name, *value.shape)
    modules = deltas + list(vectors.values())

    def loss():
        changed = {name: value.detach() for name, value in model.named_parameters()}
        for module in vectors.values():
            for name, change in module.weights.items():
                changed[name] = changed[name] + module.on() * change
        return torch.func.functional_call(model, changed, kwargs=BERT.batch).loss

    # Each kind of choice occurs.
    assert {int(m.on()) for m in modules} == {0, 1}
    assert len({int(choice(m.dimension, m.dimension_noise).argmax()) for m in deltas if m.on()}) > 1
    expected = {}
    for module in modules:
        expected |= {f"gate.{module.name}": module.gate.detach().clone(), f"gateNoise.{module.name}": module.gate_noise}
        if module in deltas:
            expected |= {f"dimension.{module.name}": module.dimension.detach().clone(),
                         f"dimensionNoise.{module.name}": module.dimension_noise}
    value = loss()
    value.backward()
    expected["loss"] = value.detach().reshape(1)
    for module in modules:
        size = module.size
        if module in deltas:
            rank = DIMENSIONS[int(choice(module.dimension, module.dimension_noise).argmax())]
            a, b = module.weights["lora_A"], module.weights["lora_B"]
            size = rank * (a.shape[1] + b.shape[0])
            expected[f"gradient.dimension.{module.name}"] = module.dimension.grad.clone()
        expected[f"gradient.gate.{module.name}"] = module.gate.grad.clone()
        expected[f"sensitivity.{module.name}"] = (
            sum((w * w.grad).abs().sum() for w in module.weights.values()) / size).detach().reshape(1)
        for name, weight in module.weights.items():
            full = f"{module.name}.{name}.weight" if module in deltas else name
            expected |= {f"change.{full}": weight.detach().clone(), f"gradient.{full}": weight.grad.clone()}
    # The gates in even rounds and the dimensions in odd ones, with the noise of the first.
    gates = torch.optim.Adam([m.gate for m in modules], lr=0.01, betas=(0.5, 0.999), weight_decay=1e-4)
    dimensions = torch.optim.Adam([m.dimension for m in deltas], lr=0.01, betas=(0.5, 0.999), weight_decay=1e-4)
    for step in range(ROUNDS):
        gates.zero_grad()
        dimensions.zero_grad()
        loss().backward()
        (gates if step % 2 == 0 else dimensions).step()
    for module in modules:
        expected[f"stepped.gate.{module.name}"] = module.gate.detach().clone()
        if module in deltas:
            expected[f"stepped.dimension.{module.name}"] = module.dimension.detach().clone()
    print(len(modules), "modules,", sum(int(m.on()) for m in modules), "on; loss", float(value))
    save_file({name: tensor.contiguous() for name, tensor in expected.items()}, FOLDER / "expected.safetensors")
