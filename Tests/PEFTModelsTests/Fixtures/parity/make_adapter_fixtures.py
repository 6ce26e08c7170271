"""Writes small random classifiers with adapters of many kinds, and the logits of PEFT with each.

Usage: python make_adapter_fixtures.py   (same needs as make_fixtures.py; writes beside itself)
"""
import copy
import json
import pathlib
import shutil

import torch
from peft import IA3Config, LoraConfig
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig, BertForSequenceClassification, GPT2ForSequenceClassification, RobertaConfig,
    RobertaForSequenceClassification)

from common import SIZES, adapt, padded, perturb
from make_language_fixtures import LENGTHS, gpt2, make_sequences

HERE = pathlib.Path(__file__).parent


def lora(targets=("query", "value"), **options):
    return LoraConfig(**{**dict(r=2, lora_alpha=3, lora_dropout=0.0, target_modules=list(targets)), **options})


class Adapted:
    """One base model, its folder and what PEFT computes with its adapters."""

    def __init__(self, name, model, pad):
        self.model, self.folder, self.expected = model.eval(), HERE / name, {}
        shutil.rmtree(self.folder, ignore_errors=True)
        sequences = make_sequences()
        model.save_pretrained(self.folder)
        (self.folder / "inputs.json").write_text(json.dumps(dict(sequences=sequences)))
        self.batch = dict(input_ids=padded(sequences, pad),
                          attention_mask=padded([[1] * n for n in LENGTHS], 0))
        self.record("logits", self.model)

    def record(self, name, model):
        with torch.no_grad():
            self.expected[name] = model.eval()(**self.batch).logits.contiguous()

    def add(self, name, config, seed):
        adapted = adapt(copy.deepcopy(self.model), config, seed, self.folder / "adapters" / name)
        self.record(name, adapted)
        return load_file(self.folder / "adapters" / name / "adapter_model.safetensors")

    def add_backbone(self, name, backbone, config, seed):
        """An adapter of the backbone alone, whose names have no prefix, below the model's head."""
        whole = copy.deepcopy(self.model)
        adapted = adapt(getattr(whole, backbone), config, seed, self.folder / "adapters" / name)
        setattr(whole, backbone, adapted.base_model.model)
        self.record(name, whole)

    def save(self):
        save_file(self.expected, self.folder / "expected.safetensors")


def bert():
    torch.manual_seed(80)
    fixture = Adapted("adapted-bert", perturb(BertForSequenceClassification(BertConfig(
        **SIZES, max_position_embeddings=40, num_labels=3)), 80), 0)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (fixture.folder / "vocab.txt").write_text(
        "".join(token + "\n" for token in special + [f"t{i}" for i in range(len(special), SIZES["vocab_size"])]))
    tensors = fixture.add("bias-all", lora(bias="all", task_type="SEQ_CLS"), 81)
    assert "base_model.model.classifier.original_module.bias" in tensors
    fixture.add("bias-only", lora(bias="lora_only", task_type="SEQ_CLS"), 82)
    tensors = fixture.add("bias-all-headless", lora(bias="all"), 83)
    assert "base_model.model.classifier.bias" in tensors
    fixture.add("dora-bias-all", lora(bias="all", task_type="SEQ_CLS", use_dora=True), 84)
    fixture.add("headless", lora(), 85)
    fixture.add("feature-extraction", lora(task_type="FEATURE_EXTRACTION"), 86)
    fixture.add("ia3-headless", IA3Config(
        target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"]), 87)
    fixture.add_backbone("backbone", "bert", lora(
        bias="all", task_type="FEATURE_EXTRACTION", alpha_pattern={"^encoder.layer.0.attention.self.query": 11}), 88)
    every = ("query", "key", "value", "dense")
    fixture.add("patterns", lora(every, task_type="SEQ_CLS", alpha_pattern={
        "^bert.encoder.layer.0.attention.self.query": 9, r"layer\.1\..*query": 12, "y": 100, "self.value": 5,
        "^encoder.layer.0.attention.self.key": 100, r"(output|intermediate)\.dense": 7.5, "dense": 4},
        rank_pattern={r"layer\.0\..*": 3, "^key": 7, "value": 4}), 89)
    fixture.add("other-patterns", lora(every, task_type="SEQ_CLS", use_rslora=True, alpha_pattern={
        r"^(?!.*layer\.0).*\.(?P<the_map>query|value)": 6, "(?:self|output).(?:key|dense)": 2, "l[a-z]+r.0.*": 8},
        rank_pattern={"^bert.encoder.layer.1.*": 1}), 90)
    fixture.save()


def roberta():
    torch.manual_seed(91)
    sizes = {**SIZES, "num_hidden_layers": 1}
    fixture = Adapted("adapted-roberta", perturb(RobertaForSequenceClassification(RobertaConfig(
        **sizes, max_position_embeddings=42, type_vocab_size=1, pad_token_id=1, num_labels=3)), 91), 1)
    fixture.add("bias-all", lora(bias="all", task_type="SEQ_CLS"), 92)
    fixture.add("bias-all-headless", lora(bias="all"), 93)
    fixture.save()


def causal():
    fixture = Adapted("adapted-gpt2", gpt2(
        GPT2ForSequenceClassification, 94, n_layer=1, num_labels=3, pad_token_id=0), 0)
    fixture.add("bias-all", lora(["c_attn", "c_fc"], bias="all", task_type="SEQ_CLS", fan_in_fan_out=True), 95)
    fixture.add("headless", lora(["c_attn"], fan_in_fan_out=True, alpha_pattern={r"h\.\d+\.attn.c_attn": 7}), 96)
    fixture.add_backbone("backbone", "transformer", lora(
        ["c_attn"], bias="all", task_type="FEATURE_EXTRACTION", fan_in_fan_out=True), 97)
    fixture.save()


if __name__ == "__main__":
    bert()
    roberta()
    causal()
