"""Writes what PEFT computes with adapters of further methods on the models of other fixtures.

Usage: python make_method_fixtures.py   (same needs as make_fixtures.py, which makes the models; writes into methods/)
"""
import copy
import json
import pathlib
import shutil

import torch
import peft.tuners.c3a.layer
from peft import (
    C3AConfig, HRAConfig, LoraConfig, PeftModel, RandLoraConfig, ShiraConfig, VeraConfig, get_peft_model,
    get_peft_model_state_dict)
from peft.tuners.c3a.utils import get_circulant_fast
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification, GPT2ForSequenceClassification

from common import adapt, gradients, merged, padded

HERE = pathlib.Path(__file__).parent


class DenseConvolution:
    """PEFT's convolution as a product with its matrix. Its own backward pass is wrong for the input: with blocks of w,
    it has w_{j + t} where the derivative of y_t = Σ_j x_j w_{j - t} has w_{j - t}."""

    @staticmethod
    def apply(x, w):
        return x @ get_circulant_fast(w).T


peft.tuners.c3a.layer.BlockCircularConvolution = DenseConvolution


class Base:
    """The model of another fixture and its batch."""

    def __init__(self, name, model_class):
        self.folder, self.model_class = HERE / name, model_class
        inputs = json.loads((self.folder / "inputs.json").read_text())
        self.batch = dict(
            input_ids=padded(inputs["sequences"], 0),
            attention_mask=padded([[1] * len(row) for row in inputs["sequences"]], 0),
            labels=torch.tensor(inputs["labels"]))
        if inputs.get("typeIDs"):
            self.batch["token_type_ids"] = padded(inputs["typeIDs"], 0)

    def model(self):
        model = self.model_class.from_pretrained(self.folder).train()
        model.name_or_path = self.folder.name  # what adapters name, wherever the script is started from
        return model

    def logits(self, model):
        with torch.no_grad():
            return copy.deepcopy(model).eval()(**self.batch).logits.contiguous()


BERT, GPT2 = Base("bert", BertForSequenceClassification), Base("gpt2-classifier", GPT2ForSequenceClassification)


def steps(base, model, rate_of_b, decay=0.01):
    """The losses before each of ten AdamW steps, in which B learns faster."""
    trained = [(name, q) for name, q in model.named_parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW(
        [dict(params=[q], lr=1e-3 * (rate_of_b if "lora_B" in name else 1)) for name, q in trained],
        weight_decay=decay)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = model(**base.batch).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def record(folder, base, model, rate_of_b=1, extra=None, decay=0.01):
    expected = dict(extra or {}, mergedLogits=base.logits(merged(model)))
    result = model(**base.batch)
    result.loss.backward()
    expected["logits"] = result.logits.detach().clone().contiguous()
    expected["loss"] = result.loss.detach().reshape(1).clone()
    expected.update(gradients(model))
    expected["losses"] = steps(base, model, rate_of_b, decay)
    expected["trainedLogits"] = base.logits(model)
    save_file(expected, folder / "expected.safetensors")


def case(name, base, config, seed, freezes=None, rate_of_b=1, decay=0.01):
    """An adapter that nothing leaves at its start, saved by PEFT."""
    folder = HERE / "methods" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = adapt(base.model(), config, seed, folder / "adapter")
    for parameter_name, parameter in model.named_parameters():
        if freezes and freezes in parameter_name:
            parameter.requires_grad = False
    record(folder, base, model, rate_of_b, decay=decay)


def pissa():
    """From its start; the adapter after ten steps, converted by PEFT to a LoRA of twice the rank."""
    folder = HERE / "methods" / "pissa"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = get_peft_model(BERT.model(), lora(r=16, init_lora_weights="pissa"))
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(folder / "start")
    model.peft_config["default"].init_lora_weights = "pissa"
    record(folder, BERT, model)
    model.save_pretrained(folder / "adapter", path_initial_model_for_weight_conversion=folder / "start")
    shutil.rmtree(folder / "start")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    # The conversion leaves the head out, and PEFT then refuses to load the adapter.
    path = folder / "adapter" / "adapter_model.safetensors"
    head = {name: value for name, value in get_peft_model_state_dict(model).items() if "classifier" in name}
    save_file({**load_file(path), **head}, path, metadata=dict(format="pt"))
    read = PeftModel.from_pretrained(BERT.model(), folder / "adapter")
    torch.testing.assert_close(BERT.logits(read), BERT.logits(model), rtol=1e-5, atol=1e-5)


def lora(**options):
    return LoraConfig(**{**dict(
        r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["query", "value"], task_type="SEQ_CLS"), **options})


if __name__ == "__main__":
    case("rslora", BERT, lora(use_rslora=True), 101)
    case("lora-fa", BERT, lora(), 102, freezes="lora_A")
    case("lora-plus", BERT, lora(), 103, rate_of_b=16)
    pissa()
    # Targets of several shapes, so that layers use parts of the projections.
    case("vera", BERT, VeraConfig(r=6, target_modules=["query", "intermediate.dense", "attention.output.dense"],
                                  task_type="SEQ_CLS"), 104)
    case("gpt2-vera", GPT2, VeraConfig(r=6, target_modules=["c_attn", "mlp.c_proj"], fan_in_fan_out=True,
                                       task_type="SEQ_CLS"), 105)
    case("hra", BERT, HRAConfig(r=4, target_modules=["query", "layer.0.output.dense", "layer.1.output.dense"],
                                task_type="SEQ_CLS"), 106)
    # ETHER is one reflection, which PEFT's HRA has as well.
    case("ether", BERT, HRAConfig(r=1, target_modules=["query", "layer.0.output.dense", "layer.1.output.dense"],
                                  task_type="SEQ_CLS"), 107)
    case("c3a", BERT, C3AConfig(block_size=8, target_modules=["query", "intermediate.dense", "output.dense"],
                                task_type="SEQ_CLS"), 108)
    # Layers with more outputs than inputs and the other way round, and ranks that do not divide the smaller side.
    case("randlora", BERT, RandLoraConfig(r=5, randlora_alpha=10, target_modules=[
        "query", "intermediate.dense", "layer.0.output.dense"], task_type="SEQ_CLS"), 110)
    case("gpt2-randlora", GPT2, RandLoraConfig(
        r=7, randlora_alpha=7, target_modules=["h.1.attn.c_attn", "h.0.mlp.c_proj"], fan_in_fan_out=True,
        task_type="SEQ_CLS"), 111)
    # PEFT decays the delta, and training of elements the weight, so neither decays here.
    case("shira", BERT, ShiraConfig(r=1, random_seed=3, target_modules=["query", "intermediate.dense"],
                                    task_type="SEQ_CLS"), 109, decay=0)
