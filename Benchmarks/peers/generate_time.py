"""Times greedy generation by transformers, a shape with random weights, one sequence.

Usage: python generate_time.py [new tokens] [prompt tokens] [threads] [gpt2 or smollm2]
"""
import statistics
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

new_tokens, prompt_tokens, threads = (
    int(a) for a in (sys.argv[1:4] + ["64", "32", "2"][len(sys.argv[1:4]):]))
torch.set_num_threads(threads)
torch.manual_seed(0)
if sys.argv[-1] == "smollm2":
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=49152, hidden_size=576, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, intermediate_size=1536, max_position_embeddings=8192,
        tie_word_embeddings=True)).eval()
else:
    model = GPT2LMHeadModel(GPT2Config()).eval()
prompt = torch.randint(0, 49000, (1, prompt_tokens))
rates = []
with torch.no_grad():
    for _ in range(6):
        start = time.perf_counter()
        output = model.generate(
            prompt, max_new_tokens=new_tokens, do_sample=False, pad_token_id=50256, eos_token_id=None)
        rates.append((output.shape[1] - prompt_tokens) / (time.perf_counter() - start))
print(f"{statistics.median(rates[1:]):.1f} tokens/s")
