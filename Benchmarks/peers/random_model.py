#!/usr/bin/env python3
"""Writes a model directory of a published shape with random weights, to measure memory and speed
where the real weights are not needed. Needs torch and transformers.

  Benchmarks/peers/random_model.py SHAPE DIRECTORY --tokenizer TOKENIZER_DIRECTORY

The tokenizer's files are copied; its vocabulary must not be larger than the shape's.
"""
import argparse
import pathlib
import shutil

import torch
import transformers

LLAMA3_SCALING = {
    "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
SHAPES = {
    "roberta-large": lambda: transformers.RobertaConfig(
        vocab_size=50265, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16,
        intermediate_size=4096, max_position_embeddings=514, type_vocab_size=1,
        layer_norm_eps=1e-5),
    "gpt2-medium": lambda: transformers.GPT2Config(n_embd=1024, n_layer=24, n_head=16),
    "qwen3-0.6b": lambda: transformers.Qwen3Config(
        vocab_size=151936, hidden_size=1024, num_hidden_layers=28, num_attention_heads=16,
        num_key_value_heads=8, head_dim=128, intermediate_size=3072,
        max_position_embeddings=40960, rope_theta=1e6, tie_word_embeddings=True),
    "llama-3.2-1b": lambda: transformers.LlamaConfig(
        vocab_size=128256, hidden_size=2048, num_hidden_layers=16, num_attention_heads=32,
        num_key_value_heads=8, head_dim=64, intermediate_size=8192,
        max_position_embeddings=131072, rope_theta=500000.0, rope_scaling=LLAMA3_SCALING,
        rms_norm_eps=1e-5, tie_word_embeddings=True),
}
TOKENIZER_FILES = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
    "vocab.txt",
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    torch.set_default_dtype(torch.bfloat16)
    kind = (
        transformers.AutoModelForMaskedLM if arguments.shape.startswith("roberta")
        else transformers.AutoModelForCausalLM)
    model = kind.from_config(SHAPES[arguments.shape]())
    model.save_pretrained(arguments.directory)
    for name in TOKENIZER_FILES:
        if (arguments.tokenizer / name).exists():
            shutil.copy(arguments.tokenizer / name, arguments.directory / name)


main()
