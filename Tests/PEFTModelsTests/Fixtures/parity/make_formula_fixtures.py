"""Writes what methods that PEFT does not have compute on the models of other fixtures, from their formulas.

Usage: python make_formula_fixtures.py   (same needs as make_method_fixtures.py; writes into methods/)
"""
import copy
import shutil

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from common import clean, gradients
from make_method_fixtures import BERT, HERE, steps


class Adapted(nn.Module):
    """A linear map whose weight and bias are functions of a frozen map and of trained vectors."""

    def __init__(self, base_layer, **vectors):
        super().__init__()
        self.base_layer = base_layer
        for name, value in vectors.items():
            setattr(self, name, nn.Parameter(value))

    def forward(self, x):
        return F.linear(x, *self.effective(self.base_layer.weight, self.base_layer.bias))


class EtherPlus(Adapted):
    def __init__(self, layer):
        rows, columns = layer.weight.shape
        u, v = torch.rand(columns, 1) - 0.5, torch.rand(rows, 1) - 0.5
        super().__init__(layer, ether_in_u=u, ether_in_v=u.clone(), ether_out_u=v, ether_out_v=v.clone())

    @staticmethod
    def relaxed(u, v):
        u, v = u / u.norm(), v / v.norm()
        return torch.eye(len(u)) - u @ u.T + v @ v.T

    def effective(self, weight, bias):
        left = self.relaxed(self.ether_out_u, self.ether_out_v)
        return left @ weight @ self.relaxed(self.ether_in_u, self.ether_in_v).T, bias


class Propulsion(Adapted):
    DEGREE = 15

    def __init__(self, layer):
        super().__init__(layer, propulsion_z=torch.ones(len(layer.weight), 1))

    def effective(self, weight, bias):
        scale = self.propulsion_z ** self.DEGREE
        return scale * weight, scale[:, 0] * bias


class HyperAdapt(Adapted):
    def __init__(self, layer):
        rows, columns = layer.weight.shape
        super().__init__(layer, hyperadapt_in=torch.ones(1, columns), hyperadapt_out=torch.ones(rows, 1))

    def effective(self, weight, bias):
        return self.hyperadapt_out * weight * self.hyperadapt_in, bias


class HiWiBias(Adapted):
    def __init__(self, layer):
        outputs = len(layer.weight)
        super().__init__(layer, hiwi_down=torch.rand(5, outputs) - 0.5, hiwi_up=torch.zeros(outputs, 5))

    def effective(self, weight, bias):
        return weight, bias + F.relu(self.hiwi_down @ bias) @ self.hiwi_up.T


class HiWiWeight(Adapted):
    def __init__(self, layer):
        columns = layer.weight.shape[1]
        super().__init__(layer, hiwi_down=torch.rand(5, columns) - 0.5, hiwi_up=torch.zeros(5, columns))

    def effective(self, weight, bias):
        return weight + F.relu(weight @ self.hiwi_down.T) @ self.hiwi_up, bias


class LoRTA(Adapted):
    """The delta of a matrix as LoRTA's code concatenates it; all matrices share the factors."""
    RANK, ALPHA, HEADS, LAYERS, ROWS, COLUMNS = 4, 8, 3, 2, 40, 24
    KINDS = ["query", "value", "intermediate"]
    shared, count = {}, 0

    def __init__(self, layer):
        cls, rank = LoRTA, LoRTA.RANK
        if cls.count == 0:
            cls.shared = {name: torch.rand(rows, rank) * 2 - 1 for name, rows in dict(
                lorta_A=cls.ROWS, lorta_heads=cls.HEADS, lorta_kinds=len(cls.KINDS), lorta_layers=cls.LAYERS).items()}
            cls.shared["lorta_B"] = torch.zeros(rank, cls.COLUMNS // cls.HEADS)
            cls.shared = {name: nn.Parameter(value) for name, value in cls.shared.items()}
        super().__init__(layer)
        for name, value in cls.shared.items():
            setattr(self, name, value)
        self.layer, self.kind = divmod(cls.count, len(cls.KINDS))
        cls.count += 1

    def effective(self, weight, bias):
        core = self.lorta_kinds[self.kind] * self.lorta_layers[self.layer]
        delta = torch.cat([self.lorta_A[:len(weight)] * (row * core) @ self.lorta_B for row in self.lorta_heads], dim=1)
        return weight + self.ALPHA / self.RANK * delta, bias


def named(name):
    """What layers share has no layer in its name."""
    return "base_model." + name.rpartition(".")[2] if "lorta_" in name else name


def named_gradient(name):
    return "gradient." + named(name.removeprefix("gradient."))


def adapted(wrapper, targets):
    model = BERT.model()
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier.")
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and any(("." + name).endswith("." + t) for t in targets):
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, wrapper(module))
    return model


def merged(model):
    model = copy.deepcopy(model)
    for name, module in list(model.named_modules()):
        if isinstance(module, Adapted):
            layer = module.base_layer
            with torch.no_grad():
                weight, bias = module.effective(layer.weight, layer.bias)
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, layer)
    return model


def case(name, wrapper, targets, seed, spread=0.05):
    """`start.NAME` are the values of all that trains, at which nothing is as it begins."""
    folder = HERE / "methods" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    model = adapted(wrapper, targets)
    trained = {named(clean(n)): q for n, q in model.named_parameters() if q.requires_grad}
    with torch.no_grad():
        for parameter in trained.values():
            parameter.add_(torch.randn_like(parameter) * spread)
    expected = {"start." + n: q.detach().clone() for n, q in trained.items()}
    expected["mergedLogits"] = BERT.logits(merged(model))
    result = model(**BERT.batch)
    result.loss.backward()
    expected["logits"] = result.logits.detach().clone().contiguous()
    expected["loss"] = result.loss.detach().reshape(1).clone()
    expected.update({named_gradient(n): g for n, g in gradients(model).items()})
    expected["losses"] = steps(BERT, model, 1)
    expected["trainedLogits"] = BERT.logits(model)
    save_file(expected, folder / "expected.safetensors")


if __name__ == "__main__":
    # Targets of several shapes.
    TARGETS = ["query", "intermediate.dense", "layer.0.output.dense"]
    case("ether-plus", EtherPlus, TARGETS, 201)
    case("propulsion", Propulsion, TARGETS, 202)
    case("hyperadapt", HyperAdapt, TARGETS, 203)
    case("hiwi", HiWiBias, TARGETS, 204)
    case("hiwi-weight", HiWiWeight, TARGETS, 205)
    case("lorta", LoRTA, ["query", "value", "intermediate.dense"], 206)
